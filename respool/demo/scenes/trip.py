"""The travel agent's own conversation, and what can go wrong in it.

| cue in the last user text | what follows |
|---|---|
| `kyoto or lisbon` | reasoning and three parallel calls; one more call; a message |
| `ryokan` | a call that its tool rejects; a second try; a message |
| `passport stamp` | a refusal |
| `golden pavilion` | a message long enough for a small `max_output_tokens` to cut |
| `whole guidebook` | 400 `context_length_exceeded` |
| `go ahead and book` | two parallel calls; a message |
| `in japanese` | 429, and a message when the same request comes again (every second time) |
| `pack` | a message |
| `server is on fire` | a response with status `failed` |
| `line goes dead` | a stream that ends in an `error` event; without a stream, 500 |
| `tunnel` | a stream that is cut in the middle, without an event that says so |
"""

from respool.demo.scene import Call, Move, Scene

TRIP = (
    Scene(
        "kyoto or lisbon",
        (
            Move(
                thinks=(
                    "**Comparing two Novembers**\n\nBoth cities need a forecast, and Kyoto a fare.",
                    "**Asking at once**\n\nThe three lookups do not depend on each other.",
                ),
                calls=(
                    Call("get_weather", {"city": "Kyoto", "month": "November"}),
                    Call("get_weather", {"city": "Lisbon", "month": "November"}),
                    Call("find_flight", {"origin": "Zürich", "destination": "Kyoto"}),
                ),
            ),
            Move(
                thinks=(
                    "**One price, one currency**\n\nThe fare came in yen; Zürich pays francs.",
                ),
                calls=(Call("convert", {"amount": 128_000, "source": "JPY", "target": "CHF"}),),
            ),
            Move(
                thinks=("**Weighing it up**\n\nDry days against a long flight.",),
                says="Kyoto (京都) 🍁. November is dry there, the maples are at their reddest, and "
                "Lisbon is having its rainiest month. The flight from Zürich via 東京 costs about "
                "691 CHF; leave on a Wednesday evening and the four days stay four days.",
            ),
        ),
    ),
    Scene(
        "ryokan",
        (
            Move(
                thinks=("**Starting with the wish**\n\nGion first, at the budget that was named.",),
                calls=(Call("find_room", {"city": "Kyoto", "area": "Gion", "max_chf": 120}),),
            ),
            Move(
                thinks=("**Widening the search**\n\nNothing in Gion; the next hill is cheaper.",),
                calls=(
                    Call("find_room", {"city": "Kyoto", "area": "Higashiyama", "max_chf": 120}),
                ),
            ),
            Move(
                says="Gion has nothing at that price, but ten minutes uphill the Ryokan Kōyō "
                "(旅館 紅葉) in Higashiyama has a tatami room with a garden view for 112 CHF a "
                "night, breakfast included 🍵."
            ),
        ),
    ),
    Scene(
        "passport stamp",
        (
            Move(
                refuses="I can't help with making an entry stamp: it would be a forged document. "
                "If yours is missing, the airport's immigration desk confirms your entry date."
            ),
        ),
    ),
    Scene(
        "golden pavilion",
        (
            Move(
                says="Kinkaku-ji (金閣寺) began as a retreat. In 1397 the shōgun Ashikaga "
                "Yoshimitsu bought an old villa in the north of the city and built himself a place "
                "to stop governing in. After his death it became a Zen temple, as he had wished. "
                "Its three floors are three styles that should not agree: a courtier's hall below, "
                "a warrior's room in the middle, a Chinese Zen chapel on top, and over them all a "
                "phoenix. It outlived a civil war, and then in 1950 a young monk burned it down. "
                "What stands at the pond today is the rebuilding of 1955, with more gold on it "
                "than the first one ever had. Go early: by ten o'clock the path is a queue."
            ),
        ),
    ),
    Scene("whole guidebook", (Move(says="That was long."),), trouble="too_long"),
    Scene(
        "go ahead and book",
        (
            Move(
                thinks=("**Booking both**\n\nFlight and room are settled, so both can go now.",),
                calls=(
                    Call("book", {"what": "flight", "reference": "ZRH-KIX-1105"}),
                    Call("book", {"what": "room", "reference": "KOYO-3"}),
                ),
            ),
            Move(
                says="Both are booked: the flight under F-ZRHKIX1105 and the room under R-KOYO3. "
                "The ryokan expects you on Thursday before 18:00. 良い旅を! ✈️"
            ),
        ),
    ),
    Scene(
        "in japanese",
        (
            Move(
                says="「到着が少し遅れますが、18時までに伺います。」 Say it as: tōchaku ga "
                "sukoshi okuremasu ga, jūhachi-ji made ni ukagaimasu."
            ),
        ),
        trouble="rate_limited_once",
    ),
    Scene(
        "pack",
        (
            Move(
                thinks=("**Layers**\n\nEight degrees in the morning, seventeen at noon.",),
                says="A light coat, a scarf, shoes that slip off easily (you will take them off "
                "often), cash in small notes, and one empty corner for matcha from Uji. 🧳",
            ),
        ),
    ),
    Scene(
        "server is on fire",
        (Move(says="Let me see where the smoke is coming from."),),
        trouble="fails",
    ),
    Scene(
        "line goes dead",
        (Move(says="I can still hear you, but not for much longer."),),
        trouble="breaks_off",
    ),
    Scene(
        "tunnel",
        (
            Move(
                says="Between Maibara and Kyoto the line runs through hills, and here the "
                "connection ends; what comes behind the tunnel can still be fetched."
            ),
        ),
        trouble="drops",
    ),
)
