"""Conversions between units of measurement, under the names that Kusto has for them.

Each unit is its factor to the first unit of its quantity, from NIST Special Publication 811, Appendix B, where no
other source is named; the names are those of Microsoft's reference.
"""

import math
from collections.abc import Mapping
from fractions import Fraction
from itertools import product

from herdsight.prelude.registry import function

_PREFIXES = {"Nano": 1e-9, "Micro": 1e-6, "Milli": 1e-3, "Centi": 1e-2, "Deci": 0.1, "": 1.0}
_PREFIXES |= {"Deca": 10.0, "Hecto": 100.0, "Kilo": 1e3, "Mega": 1e6, "Giga": 1e9, "Tera": 1e12}


def _scaled(unit: str, factor: float, *prefixes: str) -> dict[str, float]:
    """The unit and its multiples: `Meter` and `Kilo` make `Kilometer`, `usGallon` and `Kilo` make `KilousGallon`."""
    inside = unit if unit.startswith("us") else unit[0].lower() + unit[1:]
    names = {prefix: prefix + inside for prefix in prefixes} | {"": unit[0].upper() + unit[1:]}
    return {name: factor * _PREFIXES[prefix] for prefix, name in names.items()}


_RADIAN = 180 / math.pi
_ANGLE = {  # degrees
    **_scaled("Degree", 1, "Nano", "Micro", "Milli"),
    **_scaled("Radian", _RADIAN, "Nano", "Micro", "Milli", "Centi", "Deci"),
    "Arcminute": 1 / 60,
    "Arcsecond": 1 / 3600,
    "Gradian": 0.9,
    "NatoMil": 360 / 6400,
    "Revolution": 360.0,
}
_ENERGY = {  # joules
    **_scaled("Joule", 1, "Milli", "Kilo", "Mega", "Giga"),
    **_scaled("BritishThermalUnit", 1055.05585262, "Kilo", "Mega", "Giga"),
    **_scaled("Calorie", 4.184, "Kilo", "Mega"),
    **_scaled("ElectronVolt", 1.602176634e-19, "Kilo", "Mega", "Giga", "Tera"),
    **_scaled("WattHour", 3600, "Kilo", "Mega", "Giga", "Tera"),
    **_scaled("WattDay", 86_400, "Kilo", "Mega", "Giga", "Tera"),
    **_scaled("ThermEc", 1.05505585262e8, "Deca"),
    **_scaled("ThermImperial", 1.05505585257348e8, "Deca"),
    **_scaled("ThermUs", 1.054804e8, "Deca"),
    "Erg": 1e-7,
    "FootPound": 1.3558179483314004,
    "HorsepowerHour": 2_684_519.5376961729,
}
_POUND_FORCE = 4.4482216152605
_FORCE = {  # newtons
    **_scaled("Newton", 1, "Micro", "Milli", "Deca", "Kilo", "Mega"),
    **_scaled("PoundForce", _POUND_FORCE, "Kilo"),
    "Dyn": 1e-5,
    "KilogramForce": 9.80665,
    "KiloPond": 9.80665,
    "OunceForce": _POUND_FORCE / 16,
    "Poundal": 0.138254954376,
    "ShortTonForce": 2000 * _POUND_FORCE,
    "TonneForce": 9806.65,
}
_INCH, _FOOT = 0.0254, 0.3048
_LIGHT_YEAR = 9_460_730_472_580_800.0
_ASTRONOMICAL_UNIT = (
    149_597_870_700.0  # this one, the parsec and the radius of the Sun: International Astronomical Union
)
_PRINTERS_POINT = 0.013837 * _INCH
_LENGTH = {  # metres
    **_scaled("Meter", 1, "Nano", "Micro", "Milli", "Centi", "Deci", "Deca", "Hecto", "Kilo"),
    **_scaled("Inch", _INCH, "Micro"),
    **_scaled("LightYear", _LIGHT_YEAR, "Kilo", "Mega"),
    **_scaled("Parsec", _ASTRONOMICAL_UNIT * 648_000 / math.pi, "Kilo", "Mega"),
    "Angstrom": 1e-10,
    "AstronomicalUnit": _ASTRONOMICAL_UNIT,
    "Chain": 66 * _FOOT,
    "DataMile": 6000 * _FOOT,
    "DtpPica": _INCH / 6,
    "DtpPoint": _INCH / 72,
    "Fathom": 6 * _FOOT,
    "Foot": _FOOT,
    "Hand": 4 * _INCH,
    "Mil": _INCH / 1000,
    "Mile": 5280 * _FOOT,
    "NauticalMile": 1852.0,
    "PrinterPica": 12 * _PRINTERS_POINT,
    "PrinterPoint": _PRINTERS_POINT,
    "Shackle": 90 * _FOOT,
    "SolarRadius": 6.957e8,
    "Twip": _INCH / 1440,
    "UsSurveyFoot": 1200 / 3937,
    "Yard": 3 * _FOOT,
}
_POUND = 453.59237
_MASS = {  # grams; the Earth and the Sun: International Astronomical Union
    **_scaled("Gram", 1, "Nano", "Micro", "Milli", "Centi", "Deci", "Deca", "Hecto", "Kilo"),
    **_scaled("Pound", _POUND, "Kilo", "Mega"),
    **_scaled("Tonne", 1e6, "Kilo", "Mega"),
    "EarthMass": 5.9722e27,
    "Grain": _POUND / 7000,
    "LongHundredweight": 112 * _POUND,
    "LongTon": 2240 * _POUND,
    "Ounce": _POUND / 16,
    "ShortHundredweight": 100 * _POUND,
    "ShortTon": 2000 * _POUND,
    "Slug": _POUND * 9.80665 / _FOOT,
    "SolarMass": 1.98841e33,
    "Stone": 14 * _POUND,
}
_PERIODS = {"Second": 1, "Minute": 60, "Hour": 3600}
_WALKED = ("Centimeter", "Foot", "Inch", "Kilometer", "Meter", "Millimeter", "UsSurveyFoot", "Yard")
_PACES = (
    *product(_WALKED, _PERIODS),
    *product(("Decimeter", "Micrometer", "Nanometer"), ("Minute", "Second")),
    ("Mile", "Hour"),
)
_SPEED = {  # metres in a second
    **{f"{length}Per{period}": _LENGTH[length] / _PERIODS[period] for length, period in _PACES},
    "Knot": 1852 / 3600,
}
_US_GALLON = 231 * _INCH**3
_IMPERIAL_GALLON = 0.00454609
_US_OUNCE = _US_GALLON / 128
_VOLUME = {  # cubic metres
    **_scaled("Liter", 0.001, "Micro", "Milli", "Centi", "Deci", "Deca", "Hecto", "Kilo", "Mega"),
    **_scaled("CubicFoot", _FOOT**3, "Hecto", "Kilo", "Mega"),
    **_scaled("CubicMeter", 1, "Hecto", "Kilo"),
    **_scaled("usGallon", _US_GALLON, "Deci", "Deca", "Hecto", "Kilo", "Mega"),
    **_scaled("ImperialGallon", _IMPERIAL_GALLON, "Kilo", "Mega"),
    **{
        f"Cubic{length}": _LENGTH[length] ** 3
        for length in (
            "Centimeter",
            "Decimeter",
            "Hectometer",
            "Inch",
            "Kilometer",
            "Micrometer",
            "Mile",
            "Millimeter",
            "Yard",
        )
    },
    "AcreFoot": 1 / 0.000810714,  # as Kusto has it, with six digits
    "AuTablespoon": 2e-5,
    "BoardFoot": _FOOT**3 / 12,
    "ImperialBeerBarrel": 36 * _IMPERIAL_GALLON,
    "ImperialOunce": _IMPERIAL_GALLON / 160,
    "ImperialPint": _IMPERIAL_GALLON / 8,
    "MetricCup": 2.5e-4,
    "MetricTeaspoon": 5e-6,
    "OilBarrel": 42 * _US_GALLON,
    "UkTablespoon": 1.5e-5,
    "UsBeerBarrel": 31 * _US_GALLON,
    "UsCustomaryCup": 8 * _US_OUNCE,
    "UsLegalCup": 2.4e-4,
    "UsOunce": _US_OUNCE,
    "UsPint": 16 * _US_OUNCE,
    "UsQuart": 32 * _US_OUNCE,
    "UsTablespoon": _US_OUNCE / 2,
    "UsTeaspoon": _US_OUNCE / 6,
}
_ICE = Fraction("273.15")
_TEMPERATURE = {  # kelvins: a factor, and the temperature of what the unit calls 0
    "Kelvin": (Fraction(1), Fraction(0)),
    "DegreeCelsius": (Fraction(1), _ICE),
    "MillidegreeCelsius": (Fraction(1, 1000), _ICE),
    "DegreeDelisle": (Fraction(-2, 3), _ICE + 100),
    "DegreeFahrenheit": (Fraction(5, 9), Fraction("459.67") * Fraction(5, 9)),
    "DegreeNewton": (Fraction(100, 33), _ICE),
    "DegreeRankine": (Fraction(5, 9), Fraction(0)),
    "DegreeReaumur": (Fraction(5, 4), _ICE),
    "DegreeRoemer": (Fraction(40, 21), _ICE - Fraction("7.5") * Fraction(40, 21)),
    "SolarTemperature": (Fraction(5778), Fraction(0)),
}
_LINEAR: Mapping[str, Mapping[str, float]] = {
    "angle": _ANGLE,
    "energy": _ENERGY,
    "force": _FORCE,
    "length": _LENGTH,
    "mass": _MASS,
    "speed": _SPEED,
    "volume": _VOLUME,
}
QUANTITIES = (*_LINEAR, "temperature")


@function
def kql_convert(quantity: str, value: float, source: str, target: str) -> float | None:
    """The value in another unit; None where there is no such unit."""
    if quantity == "temperature":
        return _temperature(value, source, target)
    if quantity == "angle" and "Tilt" in (source, target):
        return _tilt(value, source, target)
    units = _LINEAR[quantity]
    return value * units[source] / units[target] if source in units and target in units else None


def _temperature(value: float, source: str, target: str) -> float | None:
    if source not in _TEMPERATURE or target not in _TEMPERATURE:
        return None
    if not math.isfinite(value):
        return value
    factor, origin = _TEMPERATURE[source]
    divisor, start = _TEMPERATURE[target]
    return float((Fraction(value) * factor + origin - start) / divisor)


def _tilt(value: float, source: str, target: str) -> float | None:
    """A tilt is the sine of an angle."""
    if source == target:
        return value
    if source != "Tilt":
        angle = kql_convert("angle", value, source, "Radian")
        return None if angle is None else math.sin(angle)
    return kql_convert("angle", math.asin(value), "Radian", target) if -1 <= value <= 1 else None
