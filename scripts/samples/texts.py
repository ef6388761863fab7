"""What the papers say. Every person, place, number and firm is invented; the wording is the project's own.

Numbers that look like identities begin with 099, a province code that does not exist.
"""

import random
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SURNAMES = (
    "Nguyễn",
    "Trần",
    "Lê",
    "Phạm",
    "Hoàng",
    "Huỳnh",
    "Phan",
    "Vũ",
    "Võ",
    "Đặng",
    "Bùi",
    "Đỗ",
    "Hồ",
    "Ngô",
    "Dương",
)
_MIDDLES = (
    "Văn",
    "Thị",
    "Hữu",
    "Đức",
    "Thị Ngọc",
    "Minh",
    "Quốc",
    "Thị Bích",
    "Xuân",
    "Thanh",
    "Thế",
    "Thị Mỹ",
)
_GIVEN = (
    "Hưởng",
    "Thủy",
    "Quỳnh",
    "Khuê",
    "Tuyển",
    "Nghĩa",
    "Phượng",
    "Duyệt",
    "Hiếu",
    "Oanh",
    "Trưởng",
    "Yến",
    "Khải",
    "Lượng",
    "Viễn",
    "Thắm",
)
_COMMUNES = (
    "Phú Khê Hạ",
    "An Lộc Thượng",
    "Bình Sơn Ngoại",
    "Hòa Mỹ Trung",
    "Tân Thuận Nội",
    "Đông Kỳ Lĩnh",
    "Vĩnh Hải Thượng",
)
_PROVINCES = ("Lam Giang", "Đông Khê", "Bắc Lĩnh", "Trường Hải")
_HAMLETS = ("Đồng Mít", "Cầu Gạch", "Bến Sỏi", "Gò Dưới", "Suối Trầu", "Chợ Cũ", "Ngã Tư Đình", "Xóm Lưới")
_STREETS = ("Lý Nhân Từ", "Bờ Kè Nam", "Đồng Khởi Nghiệp", "Cây Thị", "Hồ Sen Trắng")


@dataclass(frozen=True, slots=True)
class Person:
    """An invented citizen."""

    name: str
    born: str
    identity: str
    phone: str
    address: str


@dataclass(frozen=True, slots=True)
class Place:
    """An invented commune in an invented province."""

    commune: str
    province: str
    agency_code: str


@dataclass(frozen=True, slots=True)
class Case:
    """Everything the papers of one dossier agree on."""

    procedure: "Procedure"
    place: Place
    applicant: Person
    official: Person
    deputy: Person
    household: tuple[tuple[Person, str], ...]
    day: int
    month: int
    year: int
    number: int
    figures: dict[str, str]

    @property
    def date(self) -> str:
        """`ngày 05 tháng 3 năm 2026`: two digits for the day, and for the months 1 and 2."""
        month = f"{self.month:02d}" if self.month <= 2 else str(self.month)
        return f"ngày {self.day:02d} tháng {month} năm {self.year}"

    def fill(self, text: str) -> str:
        """Put this case's figures into a template."""
        return text.format_map(self.figures)


@dataclass(frozen=True, slots=True)
class Procedure:
    """One kind of administrative procedure and the wording of its papers (templates over `Case.figures`).

    `application_fields` are (label, value), a label with `*` being a heading; `papers` are (name,
    originals, copies); `fees` are in đồng.
    """

    code: str
    name: str
    form_number: str
    application_title: tuple[str, ...]
    application_fields: tuple[tuple[str, str], ...]
    plea: str
    declaration_title: tuple[str, ...]
    choices: tuple[str, ...]
    letter_subject: str
    letter_body: tuple[str, ...]
    papers: tuple[tuple[str, int, int], ...]
    fees: tuple[tuple[str, int], ...]
    contract_title: tuple[str, ...]
    contract_object: str


_WORDING = tomllib.loads((Path(__file__).parent / "wording.toml").read_text(encoding="utf-8"))


def _freeze(value: object) -> Any:
    return tuple(_freeze(item) for item in value) if isinstance(value, list) else value


PROCEDURES = tuple(
    Procedure(**{key: _freeze(value) for key, value in entry.items()}) for entry in _WORDING["procedures"]
)
CONTRACT_ARTICLES: tuple[tuple[str, tuple[str, ...]], ...] = tuple(
    (entry["heading"], tuple(entry["clauses"])) for entry in _WORDING["articles"]
)
"""Heading and clauses of each article of a contract."""
NOTES: tuple[tuple[str, tuple[str, ...]], ...] = tuple(
    (entry["title"], tuple(entry["sentences"])) for entry in _WORDING["notes"]
)
"""Title and sentences of papers of 10 to 30 words."""


def draw_person(rng: random.Random, place: Place) -> Person:
    """An invented person who lives in `place`."""
    name = f"{rng.choice(_SURNAMES)} {rng.choice(_MIDDLES)} {rng.choice(_GIVEN)}"
    born = f"{rng.randint(1, 28):02d}/{rng.randint(1, 12):02d}/{rng.randint(1948, 2000)}"
    identity = "099" + "".join(str(rng.randint(0, 9)) for _ in range(9))
    phone = f"0900 000 {rng.randint(100, 999)}"
    house = f"Số {rng.randint(2, 180)}, đường {rng.choice(_STREETS)}, thôn {rng.choice(_HAMLETS)}"
    return Person(name, born, identity, phone, f"{house}, xã {place.commune}")


def draw_case(seed: int, procedure: Procedure | None = None) -> Case:
    """An invented case: the same seed gives the same people, places and figures."""
    rng = random.Random(f"sohoa case {seed}")
    procedure = procedure or PROCEDURES[seed % len(PROCEDURES)]
    place = Place(rng.choice(_COMMUNES), rng.choice(_PROVINCES), "H99.12")
    applicant, official, deputy = (draw_person(rng, place) for _ in range(3))
    kin = rng.sample(["Vợ/chồng", "Anh ruột", "Em ruột", "Em họ", "Cùng sử dụng"], rng.randint(2, 5))
    household = tuple((draw_person(rng, place), relation) for relation in kin)
    return Case(
        procedure,
        place,
        applicant,
        official,
        deputy,
        household,
        day=rng.randint(3, 28),
        month=rng.randint(1, 10),
        year=2026,
        number=rng.randint(12, 980),
        figures=_draw_figures(rng, place, applicant),
    )


def _draw_figures(rng: random.Random, place: Place, applicant: Person) -> dict[str, str]:
    salute = "bà" if "Thị" in applicant.name else "ông"
    floor = rng.randint(48, 130)
    storeys = rng.randint(2, 4)
    return {
        "name": applicant.name,
        "born": applicant.born,
        "identity": applicant.identity,
        "phone": applicant.phone,
        "address": applicant.address,
        "commune": place.commune,
        "province": place.province,
        "salute": salute,
        "Salute": salute.capitalize(),
        "plot": str(rng.randint(40, 980)),
        "sheet": str(rng.randint(3, 58)),
        "area": format_number(rng.randint(1300, 4200) / 10),
        "floor": str(floor),
        "floors_area": str(floor * storeys),
        "storeys": str(storeys),
        "height": format_number(rng.randint(78, 149) / 10),
        "height_step": str(rng.randint(10, 45)),
        "months": str(rng.randint(5, 15)),
        "firm": rng.choice(("Sông Trầu", "Hải Đăng Mới", "Nhà Xanh Lĩnh Nam", "Đại Khuê")),
        "shop": rng.choice(("Bếp Nhà Quê", "Hạt Ngọc Đồng", "Tạp hóa Cây Thị", "Gạo Sạch Bến Sỏi")),
        "capital": format_number(rng.randint(30, 300) * 1_000_000),
        "workers": str(rng.randint(2, 9)),
        "start": f"{rng.randint(1, 9)}/2027",
        "members": str(rng.randint(2, 6)),
        "children": str(rng.randint(0, 2)),
        "income": format_number(rng.randint(900, 2100) * 1000),
        "last_year": "2025",
        "pay_day": str(rng.randint(5, 20)),
        "price": format_number(rng.randint(180, 940) * 1_000_000),
        "percent": str(rng.randint(8, 15)),
        "days": str(rng.randint(60, 210)),
        "fine": format_number(rng.randint(2, 9) * 100_000),
        "advance": str(rng.randint(20, 35)),
        "second": str(rng.randint(36, 45)),
        "reply": str(rng.randint(2, 5)),
        "warranty": str(rng.choice((12, 18, 24))),
        "retain": str(rng.choice((3, 5))),
        "copies": rng.choice(("bốn", "năm", "sáu")),
    }


def format_number(number: float) -> str:
    """Vietnamese style: points between thousands, a comma before decimals (`1.250.000`, `12,5`)."""
    whole = f"{number:,.0f}" if float(number).is_integer() else f"{number:,.1f}"
    return whole.translate(str.maketrans(",.", ".,"))
