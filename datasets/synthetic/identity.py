"""Who a person is: everything that stays the same from one picture to the next.

Lengths are in units of the distance between the eyes' centres, y down from the eyes. Traits come from a low-rank
Gaussian shared over the face plus an independent part, as in real faces: a jaw can be guessed from the eyes, not known.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from unmaskbench.datasets.synthetic.traits import TRAITS

FACTORS = 10
SHARED = 0.6
"""Number of shared factors, and the share of a trait's variance that they carry."""

HAIRSTYLES = ("bald", "buzz", "short", "quiff", "bob", "long", "tied", "afro")
FACIAL_HAIR = ("none", "stubble", "moustache", "goatee", "full", "long")
EYE_COLOURS: Mapping[str, tuple[int, int, int]] = {
    "brown": (74, 44, 24), "dark": (40, 25, 18), "hazel": (112, 86, 40), "green": (92, 118, 76),
    "blue": (84, 128, 168), "grey": (120, 134, 142),
}  # fmt: skip
SKIN: tuple[tuple[int, int, int], ...] = (
    (238, 202, 182), (229, 188, 162), (216, 170, 138), (198, 148, 112), (164, 114, 80), (124, 82, 58), (86, 56, 42),
)  # fmt: skip
HAIR: tuple[tuple[int, int, int], ...] = ((24, 20, 19), (52, 35, 26), (92, 60, 38), (150, 108, 62), (196, 160, 104))


@dataclass(frozen=True)
class Identity:
    """A person. ``traits`` as in TRAITS; colours are linear RGB in [0, 1]; marks are (x, y, radius or length...)."""

    number: int
    seed: int
    traits: Mapping[str, float]
    masculinity: float
    age: float
    melanin: float
    skin: tuple[float, float, float]
    redness: float
    blotch: float
    hair: tuple[float, float, float]
    brow: tuple[float, float, float]
    grey: float
    hairstyle: str
    hair_volume: float
    hair_length: float
    hair_wave: float
    fringe: float
    parting: float
    recession: float
    facial_hair: str
    beard_density: float
    eye_colour: str
    lipstick: float
    lip_hue: tuple[float, float, float]
    freckles: float
    moles: tuple[tuple[float, float, float], ...]
    scar: tuple[float, float, float, float] | None
    wrinkles: float

    def __getitem__(self, trait: str) -> float:
        return self.traits[trait]

    @property
    def skin_group(self) -> str:
        """light, medium or dark."""
        return "light" if self.melanin < 0.34 else "medium" if self.melanin < 0.67 else "dark"

    @property
    def age_group(self) -> str:
        """young, middle or older."""
        return "young" if self.age < 0.34 else "middle" if self.age < 0.67 else "older"

    @property
    def nose_base(self) -> float:
        """y of the nose's lower end."""
        return self["nose_tip"] + 0.13

    @property
    def mouth_y(self) -> float:
        """y of the closed mouth's line."""
        return self.nose_base + self["philtrum"]


def stream(*words: str | int) -> np.random.Generator:
    """A generator seeded from sha256 of the words alone: no order, process or global state."""
    digest = hashlib.sha256("|".join(str(word) for word in words).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little")))


def linear(rgb: tuple[float, ...]) -> tuple[float, float, float]:
    """Linear light of an 8-bit colour, rounded so that libm's last bit does not matter."""
    r, g, b = (round(math.pow(c / 255.0, 2.2), 6) for c in rgb)
    return r, g, b


@cache
def _loadings() -> list[list[float]]:
    rng = stream("loadings of the traits")
    rows = rng.standard_normal((len(TRAITS), FACTORS)).tolist()
    return [[value / math.sqrt(sum(v * v for v in row)) for value in row] for row in rows]


def _between(table: tuple[tuple[int, int, int], ...], position: float) -> tuple[float, float, float]:
    at = min(max(position, 0.0), 1.0) * (len(table) - 1)
    i = min(int(at), len(table) - 2)
    r, g, b = (table[i][k] + (table[i + 1][k] - table[i][k]) * (at - i) for k in range(3))
    return r, g, b


def _pick(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    at = float(rng.random()) * sum(weights.values())
    for name, weight in weights.items():
        at -= weight
        if at < 0:
            return name
    return next(iter(weights))


def _draw_traits(rng: np.random.Generator, masculinity: float, age: float, melanin: float) -> dict[str, float]:
    factors = rng.standard_normal(FACTORS).tolist()
    own = rng.standard_normal(len(TRAITS)).tolist()
    traits = {}
    for (name, (mean, spread, by_masculinity, by_age, by_melanin)), loading, alone in zip(
        TRAITS.items(), _loadings(), own, strict=True
    ):
        shared = sum(a * b for a, b in zip(loading, factors, strict=True))
        z = math.sqrt(SHARED) * shared + math.sqrt(1 - SHARED) * alone
        # Beyond 2.3 deviations a face stops being one.
        z = min(max(z, -2.3), 2.3)
        z += by_masculinity * masculinity + by_age * (2 * age - 1) + by_melanin * (2 * melanin - 1)
        traits[name] = round(mean + spread * z, 6)
    return traits


class _Colours(NamedTuple):
    """8-bit RGB of skin, hair and brows, and the share of grey hair."""

    skin: tuple[float, ...]
    hair: tuple[float, ...]
    brow: tuple[float, ...]
    grey: float


def _draw_colours(rng: np.random.Generator, age: float, melanin: float) -> _Colours:
    tone = melanin + 0.06 * float(rng.standard_normal())
    skin = _between(SKIN, tone)
    warm = 1 + 0.05 * float(rng.standard_normal())
    skin = (skin[0] * math.sqrt(warm), skin[1], skin[2] / warm)
    darkness = 1.1 - 1.4 * melanin + 0.35 * float(rng.standard_normal())
    colour = _between(HAIR, 0.0 if melanin > 0.6 else darkness)
    red = 1.25 if rng.random() < 0.15 * (1 - melanin) else 1.0
    colour = (min(colour[0] * red, 230), colour[1] * (0.82 if red > 1 else 1), colour[2] * (0.7 if red > 1 else 1))
    grey = max(0.0, min(1.0, (age - 0.55) * 2.4 + 0.25 * float(rng.standard_normal())))
    silver = (176.0, 174.0, 170.0)
    hair = tuple(c + (s - c) * grey for c, s in zip(colour, silver, strict=True))
    brow = tuple(0.8 * (c + (s - c) * grey * 0.5) for c, s in zip(colour, silver, strict=True))
    return _Colours(skin, hair, brow, grey)


def _draw_styles(rng: np.random.Generator, male: bool, age: float, melanin: float) -> tuple[str, str, str]:
    """Hairstyle, facial hair and eye colour."""
    styles = (
        {
            "bald": 0.2 * age + 0.05,
            "buzz": 0.2,
            "short": 0.5,
            "quiff": 0.35,
            "bob": 0.06,
            "long": 0.07,
            "afro": 0.12 * melanin,
        }
        if male
        else {"short": 0.15, "bob": 0.4, "long": 0.5, "tied": 0.35, "afro": 0.3 * melanin, "quiff": 0.05, "buzz": 0.03}
    )
    hairstyle = _pick(rng, styles)
    beards = {"none": 0.42, "stubble": 0.2, "moustache": 0.1, "goatee": 0.12, "full": 0.16, "long": 0.06}
    facial_hair = _pick(rng, beards) if male else "none"
    light_eyes = 0.55 * (1 - melanin) ** 2
    eyes = {
        "brown": 0.5, "dark": 0.2 + 0.6 * melanin, "hazel": 0.25 * (1 - melanin) + 0.03,
        "green": 0.4 * light_eyes + 0.005, "blue": light_eyes + 0.005, "grey": 0.4 * light_eyes + 0.005,
    }  # fmt: skip
    return hairstyle, facial_hair, _pick(rng, eyes)


Marks = tuple[tuple[tuple[float, float, float], ...], tuple[float, float, float, float] | None]


def _draw_marks(rng: np.random.Generator) -> Marks:
    """Moles and, in one person of eight, a scar."""
    count = int(rng.integers(0, 6))
    moles = tuple(
        (float(rng.uniform(-0.9, 0.9)), float(rng.uniform(-0.75, 1.6)), float(rng.uniform(0.014, 0.032)))
        for _ in range(count)
    )
    scar = None
    if rng.random() < 0.12:
        x, y = float(rng.uniform(-0.75, 0.75)), float(rng.uniform(-0.7, 1.5))
        scar = (x, y, x + float(rng.uniform(-0.2, 0.2)), y + float(rng.uniform(0.08, 0.25)))
    return moles, scar


def draw_identity(seed: int, split: str, number: int) -> Identity:
    """The person ``number`` of ``split``; a pure function of its arguments."""
    rng = stream(seed, split, number, "identity")
    masculine_side = rng.random() < 0.5
    masculinity = (0.9 if masculine_side else -0.9) + 0.35 * float(rng.standard_normal())
    age = float(rng.beta(1.3, 1.6))
    melanin = float(rng.beta(1.0, 1.15))
    traits = _draw_traits(rng, masculinity, age, melanin)
    colours = _draw_colours(rng, age, melanin)
    male = masculinity > 0
    hairstyle, facial_hair, eye_colour = _draw_styles(rng, male, age, melanin)
    lipstick = float(rng.random()) * 0.8 if not male and rng.random() < 0.5 else 0.0
    hue = linear(((150, 30, 45), (185, 70, 80), (130, 40, 70), (170, 60, 50))[int(rng.integers(4))])
    moles, scar = _draw_marks(rng)
    return Identity(
        number=number,
        seed=int(rng.integers(1 << 20)),
        traits=traits,
        masculinity=masculinity,
        age=age,
        melanin=melanin,
        skin=linear(colours.skin),
        redness=max(0.0, 0.5 + 0.35 * float(rng.standard_normal())),
        blotch=float(rng.uniform(0.3, 1.3)),
        hair=linear(colours.hair),
        brow=linear(colours.brow),
        grey=colours.grey,
        hairstyle=hairstyle,
        hair_volume=float(rng.uniform(0.6, 1.4)),
        hair_length=float(rng.uniform(0.0, 1.0)),
        hair_wave=float(rng.random()),
        fringe=float(rng.uniform(0.3, 1.0)) if rng.random() < (0.12 if male else 0.35) else 0.0,
        parting=float(rng.uniform(-1, 1)),
        recession=max(0.0, 0.35 * masculinity * age + 0.12 * float(rng.standard_normal())) if male else 0.0,
        facial_hair=facial_hair,
        beard_density=float(rng.uniform(0.65, 1.0)),
        eye_colour=eye_colour,
        lipstick=lipstick,
        lip_hue=hue,
        freckles=float(rng.random()) if rng.random() < 0.35 * (1 - melanin) else 0.0,
        moles=moles,
        scar=scar,
        wrinkles=max(0.0, (age - 0.35) * 1.5 + 0.12 * float(rng.standard_normal())),
    )
