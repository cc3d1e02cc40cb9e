"""The offline path's command line: `python -m training`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from models.bundle import open_bundle
from models.errors import GatekeeperError
from models.registry import activate

REGISTRY = Path("models/registry")

PATHS = {"bundle": "BUNDLE", "book": "BOOK.toml", "data": "DATA"}
"""What commands work on, and how their help calls it."""

FEWEST_REPLICATES = 5
"""Of fewer the spread itself is anybody's guess."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0, 1 when part of the work failed, 2 when the input is at fault."""
    args = _parser().parse_args(arguments)
    # scikit-learn's threads spin while they wait for each other; beside another busy process that takes minutes.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        return int(args.run(args) or 0)
    except GatekeeperError as error:
        return _fail(str(error))
    except FileNotFoundError as error:
        path = Path(error.filename or "file")
        return _fail(f"{path if path.parent.exists() else path.parent}: No such file or directory; check the path")
    except OSError as error:
        return _fail(f"{error.filename or 'file'}: {error.strerror or error}")
    except KeyboardInterrupt:
        return 130


def _fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description="From a book of customers to a live model.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, what: str, run: Callable[[argparse.Namespace], int | None], *paths: str
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=what)
        command.set_defaults(run=run)
        for path in paths:
            command.add_argument(path, type=Path, metavar=PATHS[path])
        return command

    command = add("sample", "write a sample book", _sample)
    command.add_argument("which", choices=["telco"])
    command.add_argument("--out", type=Path, required=True, metavar="DIR")

    command = add("simulate", "write a made-up book whose true risks and values are known", _simulate)
    command.add_argument("--out", type=Path, required=True, metavar="DIR")
    command.add_argument("--customers", type=int, default=20_000, metavar="N", help="how many sign up")
    command.add_argument("--seed", type=int, default=0, metavar="S")
    command.add_argument("--observed-until", type=_day, default="2026-03-31", metavar="DATE", help="day of observation")
    command.add_argument("--observed-from", type=_day, metavar="DATE", help="leave out who had left before this day")
    command.add_argument("--drift", action="store_true", help="what makes customers leave changes between years")
    command.add_argument("--leak", action="store_true", help="plant two features that tell the outcome")
    command.add_argument("--proxy", action="store_true", help="plant a feature that stands in for a protected column")
    command.add_argument("--parquet", action="store_true", help="saas.parquet instead of saas.csv")

    command = add("fit", "fit a book, print the bundle's folder last", _fit, "book")
    command.add_argument("--out", type=Path, default=REGISTRY, metavar="REGISTRY")
    command.add_argument(
        "--replicates",
        type=_replicates,
        default=20,
        metavar="R",
        help="refits that intervals are learned from; 0: none",
    )

    command = add("activate", "make a bundle the live one, or go back to an older one", _activate, "bundle")

    command = add("evaluate", "metrics of a bundle on a labelled book, as JSON", _evaluate, "bundle", "book")

    command = add(
        "recalibrate", "bring a bundle to the level of risk that newer customers show", _recalibrate, "bundle", "book"
    )
    command.add_argument("--out", type=Path, metavar="REGISTRY", help="default: the one that the bundle is in")

    command = add("backtest", "what a policy would have earned on a labelled book", _backtest, "bundle", "book")
    command.add_argument("--policy", type=Path, metavar="FILE", help="instead of the model's live policy")
    command.add_argument("--out", type=Path, metavar="FILE", help="every figure, as JSON")

    command = add("compare", "fit what others would fit to the same splits, print a table", _compare, "book")
    command.add_argument("--out", type=Path, metavar="FILE.json", help=f"default: {REGISTRY}/NAME/peers.json")
    command.add_argument("--customers", type=int, metavar="N", help="learn from and judge at most so many")

    command = add("score", "score a CSV or Parquet file of prospects", _score, "bundle", "data")
    command.add_argument("--out", type=Path, required=True, metavar="FILE", help="CSV or Parquet, by its ending")
    command.add_argument("--intervals", action="store_true", help="add 80 %% intervals and how sure a loss is")
    command.add_argument("--curves", action="store_true", help="add the survival curve, s_1 … s_T")
    command.add_argument("--policy", type=Path, metavar="FILE", help="instead of the model's live policy")

    command = add("publish", "send prospects' features to the service", _publish, "data")
    command.add_argument("--url", required=True, help="of the service, such as http://127.0.0.1:8000")
    command.add_argument("--key", required=True, help="an API key with the scope features")
    command.add_argument("--id", metavar="COLUMN", help="default: the book's id column, else the first column")
    return parser


def _replicates(text: str) -> int:
    if not text.isdecimal() or 0 < int(text) < FEWEST_REPLICATES:
        raise argparse.ArgumentTypeError(f"expected 0, or {FEWEST_REPLICATES} or more, got {text!r}")
    return int(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a date such as 2026-03-31, got {text!r}") from None


# Each command imports what it needs: scikit-learn alone takes a second to load.


def _sample(args: argparse.Namespace) -> None:
    from training.sample import write_telco  # noqa: PLC0415

    print(write_telco(args.out))


def _simulate(args: argparse.Namespace) -> None:
    from training.progress import bar  # noqa: PLC0415
    from training.simulate import simulate, write_simulated  # noqa: PLC0415
    from training.simulator.scenario import Scenario  # noqa: PLC0415

    scenario = Scenario(**{option: getattr(args, option) for option in Scenario.__struct_fields__})
    with bar("simulating") as progress:
        simulated = simulate(args.customers, args.seed, scenario, progress)
    with bar("writing"):
        print(write_simulated(args.out, simulated, parquet=args.parquet))


def _fit(args: argparse.Namespace) -> None:
    from training.fit import fit  # noqa: PLC0415

    print(fit(args.book, args.out, datetime.now(UTC), args.replicates))


def _activate(args: argparse.Namespace) -> None:
    activate(args.bundle)


def _evaluate(args: argparse.Namespace) -> None:
    from training.evaluation.evaluate import evaluate_bundle  # noqa: PLC0415

    metrics = evaluate_bundle(open_bundle(args.bundle.resolve()), args.book, datetime.now(UTC))
    print(msgspec.json.format(msgspec.json.encode(metrics), indent=2).decode())


def _recalibrate(args: argparse.Namespace) -> None:
    from training.recalibrate import recalibrate  # noqa: PLC0415

    bundle = open_bundle(args.bundle.resolve())
    print(recalibrate(bundle, args.book, args.out or bundle.folder.parents[1], datetime.now(UTC)))


def _backtest(args: argparse.Namespace) -> None:
    from training.backtest.book import backtest_book  # noqa: PLC0415
    from training.backtest.tables import show  # noqa: PLC0415

    tested = backtest_book(open_bundle(args.bundle.resolve()), args.book, args.policy, datetime.now(UTC))
    if args.out is not None:
        args.out.write_bytes(msgspec.json.format(msgspec.json.encode(tested), indent=1) + b"\n")
    show(tested)


def _compare(args: argparse.Namespace) -> None:
    from rich.console import Console  # noqa: PLC0415

    from training.evaluation.compare import CUSTOMERS, compare, tables  # noqa: PLC0415
    from training.progress import bar  # noqa: PLC0415

    with bar("comparing") as progress:
        comparison = compare(
            args.book, datetime.now(UTC), CUSTOMERS if args.customers is None else args.customers, progress
        )
    out = args.out or REGISTRY / comparison.name / "peers.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(msgspec.json.format(msgspec.json.encode(comparison), indent=1) + b"\n")
    Console().print(tables(comparison))


def _score(args: argparse.Namespace) -> None:
    from training.score import score  # noqa: PLC0415

    bundle, now = open_bundle(args.bundle.resolve()), datetime.now(UTC)
    further = {"intervals": args.intervals, "curves": args.curves}
    score(bundle, args.data, args.out, now, policy_file=args.policy, **further)


def _publish(args: argparse.Namespace) -> int:
    from training.publish import Destination, publish  # noqa: PLC0415

    failed = publish(args.data, Destination(args.url, args.key), args.id, report=print)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
