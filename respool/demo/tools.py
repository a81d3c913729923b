"""The tools of the demo's travel agent: what it offers to the model, and what they answer.

They are pure functions over a few fixed facts. The same arguments give the same text on every run
and machine, so a second run of the agent sends the same requests.
"""

import json
from collections.abc import Callable

from openai.types.responses import FunctionToolParam

_WEATHER = {
    ("Kyoto", "November"): {"high_c": 17, "low_c": 8, "rain_days": 6},
    ("Lisbon", "November"): {"high_c": 18, "low_c": 12, "rain_days": 11},
}
_FLIGHTS = {("Zürich", "Kyoto"): {"via": "東京", "hours": 15.5, "fare": 128_000, "currency": "JPY"}}
_RATES = {("JPY", "CHF"): 0.0054}
_ROOMS = (("Gion Hanami Annex", "Gion", 265), ("Ryokan Kōyō (旅館 紅葉)", "Higashiyama", 112))


class ToolError(Exception):
    """The tool cannot answer this; the message goes back to the model."""


def get_weather(city: str, month: str) -> object:
    """Typical weather of a month, temperatures in °C."""
    if found := _WEATHER.get((city, month)):
        return {"city": city, "month": month} | found
    raise ToolError(f"no climate data for {city} in {month}")


def find_flight(origin: str, destination: str) -> object:
    """The best fare between two cities."""
    if found := _FLIGHTS.get((origin, destination)):
        return {"origin": origin, "destination": destination} | found
    raise ToolError(f"no flight from {origin} to {destination}")


def convert(amount: float, source: str, target: str) -> object:
    """An amount of money in another currency."""
    if rate := _RATES.get((source, target)):
        return {"amount": round(amount * rate, 2), "currency": target, "rate": rate}
    raise ToolError(f"no rate from {source} to {target}")


def find_room(city: str, area: str, max_chf: float) -> object:
    """Rooms in one part of a city, up to a price in CHF a night."""
    if city == "Kyoto":
        found = [(name, chf) for name, where, chf in _ROOMS if where == area and chf <= max_chf]
        if found:
            return {"rooms": [{"name": name, "chf": chf} for name, chf in found]}
    raise ToolError(f"no room in {area}, {city}, for {max_chf:g} CHF or less")


def book(what: str, reference: str) -> object:
    """Book a flight or a room that was found."""
    return {"confirmed": f"{what[:1].upper()}-{reference.replace('-', '')}"}


_TEXT = {"type": "string"}
_NUMBER = {"type": "number"}
_TOOLS: dict[Callable[..., object], dict[str, dict[str, str]]] = {
    get_weather: {"city": _TEXT, "month": _TEXT},
    find_flight: {"origin": _TEXT, "destination": _TEXT},
    convert: {"amount": _NUMBER, "source": _TEXT, "target": _TEXT},
    find_room: {"city": _TEXT, "area": _TEXT, "max_chf": _NUMBER},
    book: {"what": _TEXT, "reference": _TEXT},
}
_BY_NAME = {tool.__name__: tool for tool in _TOOLS}


def definitions() -> list[FunctionToolParam]:
    """The tools as a request offers them."""
    return [
        {
            "type": "function",
            "name": tool.__name__,
            "description": tool.__doc__,
            "parameters": {
                "type": "object",
                "properties": properties,
                "required": list(properties),
                "additionalProperties": False,
            },
            "strict": True,
        }
        for tool, properties in _TOOLS.items()
    ]


def run(name: str, arguments: str) -> str:
    """The output of a call, as JSON. A call that cannot be answered gives `{"error": ...}`."""
    try:
        if name not in _BY_NAME:
            raise ToolError(f"no tool called {name}")
        answer = _BY_NAME[name](**json.loads(arguments))
    except (ToolError, TypeError, ValueError) as error:
        answer = {"error": str(error)}
    return json.dumps(answer, ensure_ascii=False)
