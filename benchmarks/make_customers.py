"""Write a file of customers: 22 columns, Vietnamese names, quotes and commas, about 2 % of rows with a mistake.

python benchmarks/make_customers.py 1000000 benchmarks/data/customers-1m.csv
"""

from __future__ import annotations

import csv
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FAMILY = (
    "Nguyễn",
    "Trần",
    "Lê",
    "Phạm",
    "Huỳnh",
    "Hoàng",
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
MIDDLE = ("Văn", "Thị", "Minh", "Ngọc", "Đức", "Thanh", "Hữu", "Quốc", "Gia", "Khánh")
GIVEN = (
    "An",
    "Bình",
    "Châu",
    "Dũng",
    "Hạnh",
    "Hương",
    "Khoa",
    "Lan",
    "Linh",
    "Mai",
    "Nam",
    "Phúc",
    "Quân",
    "Thảo",
    "Tú",
)
CITIES = ("Hồ Chí Minh", "Hà Nội", "Đà Nẵng", "Cần Thơ", "Hải Phòng", "Huế")
DISTRICTS = ("Quận 1", "Quận 7", "Tân Phú", "Cầu Giấy", "Hải Châu", "Ninh Kiều")
STREETS = ("Hòa Bình", "Lê Lợi", "Nguyễn Huệ", "Trần Hưng Đạo", "Cách Mạng Tháng 8")
HEADERS = (
    "customerId", "phone", "email", "fullName", "firstName", "lastName", "gender", "dob", "yob", "maritalStatus",
    "country", "city", "district", "address", "sourceChannel", "sourceName", "createdAt", "status",
    "customField01", "customField02", "customFieldLong01", "customFieldTimestamp01",
)  # fmt: skip


def customers(count: int, seed: int = 1) -> Iterator[list[str]]:
    """Yield `count` rows of cells, in the order of HEADERS."""
    rng = random.Random(seed)
    for number in range(count):
        family, middle, given = rng.choice(FAMILY), rng.choice(MIDDLE), rng.choice(GIVEN)
        year, month, day = rng.randint(1950, 2008), rng.randint(1, 12), rng.randint(1, 28)
        phone = f"0{rng.choice('35789')}{rng.randint(0, 99999999):08d}"
        email = f"khach.{number}@example.vn"
        born, gender = f"{year:04d}-{month:02d}-{day:02d}", rng.choice(("male", "female", "Female", "undefined"))
        mistake = rng.random()
        if mistake < 0.005:
            phone = email = ""
        elif mistake < 0.010:
            email = "khong-phai-email"
        elif mistake < 0.015:
            born = f"{year:04d}-02-31"
        elif mistake < 0.020:
            gender = "Nam giới"
        address = f"{rng.randint(1, 900)} {rng.choice(STREETS)}"
        if mistake > 0.9:
            address = f'Căn hộ "{rng.choice("ABCD")}{rng.randint(1, 40)}", {address}'
        yield [
            f"{number:011d}", phone, email, f"{family} {middle} {given}", given, f"{family} {middle}", gender, born,
            str(year), rng.choice(("Single", "Married", "")), "Viet Nam", rng.choice(CITIES), rng.choice(DISTRICTS),
            address, rng.choice(("Online", "Offline")), rng.choice(("Facebook Ads", "Google Search", "POS", "")),
            f"2024-{month:02d}-{day:02d} 08:{rng.randint(0, 59):02d}:00", "Active",
            rng.choice(("Gold", "Silver", "VIP", "")),
            f"ghi chú {rng.randint(1, 99999)}", str(rng.randint(0, 900000)), f"2023-{month:02d}-{day:02d}T10:00:00",
        ]  # fmt: skip


def write_customers(path: Path, count: int) -> None:
    """Write the file at `path`, whose folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADERS)
        writer.writerows(customers(count))


if __name__ == "__main__":
    write_customers(Path(sys.argv[2]), int(sys.argv[1]))
