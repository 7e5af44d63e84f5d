"""The command line of ``knowngood``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

__all__ = ["PLAYBOOKS", "TIERS", "parser"]

_HELP = """\
Takes an environment back to a release that is known to be good, and proves it.

Something is broken? In this order:

  knowngood status   -i production                  what is live, and what does not fit
  knowngood rollback -i production --check          what a rollback would do
  knowngood rollback -i production                  back to the newest release that was good
  knowngood rollback -i production --release v1.4.2     to the one that you name
  knowngood validate -i production                  does it work now?

The last line is the verdict, the line before it the next command. Every verb has its own --help."""

_CODES = """\
exit codes (docs/exit-codes.md):
  0   done and proved, or nothing to do
  2   this command line is wrong
  10  refused: nothing was changed
  11  failed: the set is mixed; the same command goes on
  12  failed: nothing is known to have moved; the same command goes on
  13  moved, but a component does not keep its health contract
  14  not rolled back: the old set serves again, whole
  15  an automatic run declined, with a reason
  16  not proved: too few answers in the time for a verdict
  17  cancelled: nothing was changed
  20  a drill failed; 21 it was aborted; 22 it is overdue
"""

# Options that are variables of the playbook, by verb: name, what it takes (nothing: a switch), help.
_Options = Sequence[tuple[str, str, str]]
_EXTRA = "any other variable of the playbook, as ansible-playbook takes it"
_REASON = ("reason", "WHY", "for the ledger, the report and those who are told")
_ROLLBACK: _Options = (
    ("release", "NAME", "the release to go to: tag, commit or message (default: the newest that was good)"),
    _REASON,
    ("plan", "HASH", "exactly the plan that was approved (knowngood plan)"),
    ("approved-by", "WHO", "who approved the plan"),
    ("accept-loss", "HASH", "the loss of data that is accepted, as the refusal named it"),
    ("accept-secret-change", "", "although a secret changed since; the run says which"),
    ("resume", "RUN", "to the goal of a run that did not get there"),
    ("undo", "RUN", "the data that a run set aside serves again, and nothing else"),
    ("on-partial", "WHAT", "when some components do not arrive: converge, restore, or stop"),
    ("incident", "ID", "the incident that this belongs to"),
    ("severity", "HOW", "CRITICAL, HIGH, MEDIUM or LOW"),
    ("automatic", "", "nobody typed this: decide first whether a rollback would help"),
    ("trigger", "WHAT", "what made somebody roll back: person, deploy, health, ..."),
    ("emergency", "WHY", "why there is no time for an approval"),
)

TIERS = ("quick", "flows", "signals", "watch", "full")

_EXAMPLES = {
    "rollback": """\
  knowngood rollback -i production --check              what would be done
  knowngood rollback -i production                      do it
  knowngood rollback -i production --release v1.4.2     to the release that you name
  knowngood rollback -i production --limit auth-worker  only this component""",
    "plan": "  knowngood plan -i production\n  knowngood plan -i production --release v1.4.2",
    "validate": """\
  knowngood validate -i production                      within 120 s
  knowngood validate -i production --tier flows         what users do, too
  knowngood validate -i production --tier full          error rate and latency too, with numbers behind them""",
    "drill": """\
  knowngood drill -i staging                            the short set
  knowngood drill -i staging --scenarios worker         one family
  knowngood drill -i staging --overdue                  is one due?""",
    "watch": """\
  knowngood watch -i production                         the ten minutes after a deploy
  knowngood watch -i production --for 0                 until something gets worse""",
    "status": "  knowngood status -i production",
    "record": "  knowngood record -i production                        after every deploy",
}

PLAYBOOKS: dict[str, tuple[str, _Options]] = {
    "rollback": ("go back to a release that is known to be good, as one set, and prove it", _ROLLBACK),
    "plan": (
        "write down what a rollback would do, for somebody to approve",
        (_ROLLBACK[0], ("plan-to", "FILE", "where to (default: beside the journal)")),
    ),
    "validate": ("prove that the environment works", ()),
    "drill": (
        "break the environment on purpose, let the rollback decide, and prove that all is as before",
        (("scenarios", "WHICH", "all, a family, or names with commas in between (default: short)"),),
    ),
    "watch": (
        "watch the environment after a deploy, and roll back when what was deployed does not work",
        (("for", "SECONDS", "for how long; 0 for ever (default: 600)"),),
    ),
    "status": ("what is live, since when, and to which release it belongs", ()),
    "record": (
        "validate what is live, and record it as a release that is known to be good",
        (("release", "NAME", "under a name of its own"),),
    ),
}


def parser() -> argparse.ArgumentParser:
    """All verbs. ``given.verb`` is the one that was typed."""
    top = argparse.ArgumentParser(
        prog="knowngood",
        usage="knowngood VERB -i ENVIRONMENT [options]",
        description=_HELP,
        epilog=_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument(
        "--print-completion",
        action=_Completion,
        choices=("bash", "zsh", "tcsh"),
        help='completion for a shell: eval "$(knowngood --print-completion bash)"',
    )
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB", title="verbs")
    for name, (says, options) in PLAYBOOKS.items():
        _playbook(verbs, name, says, options)
    _others(verbs)
    return top


def _playbook(verbs: Any, name: str, says: str, options: _Options) -> None:
    verb = verbs.add_parser(
        name,
        help=says,
        usage=f"knowngood {name} -i ENVIRONMENT [options]",
        description=f"{says[:1].upper()}{says[1:]}: ansible-playbook {name}.yml\n\n{_EXAMPLES[name]}",
        epilog=_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _inventory(verb)
    for option, takes, help_ in options:
        variable = option.replace("-", "_")
        kind: dict[str, Any] = {"metavar": takes} if takes else {"action": "store_true", "default": None}
        verb.add_argument(f"--{option}", dest=variable, help=help_, **kind)
    if name == "validate":
        verb.add_argument(
            "--tier",
            default="quick",
            choices=TIERS,
            help="what is asked beside the health contracts (default: quick, nothing else); full measures rates",
        )
    if name == "drill":
        verb.add_argument("--overdue", action="store_true", help="only say whether one is due: exit code 22")
    if name == "rollback":
        verb.add_argument("--check", action="store_true", help="only say what would be done")
    verb.add_argument("-l", "--limit", metavar="HOSTS", help="only these components or groups")
    verb.add_argument(
        "-e",
        "--extra-vars",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=_EXTRA,
    )
    verb.add_argument("-v", "--verbose", action="count", default=0, help="every task and every request")
    verb.add_argument(
        "--json",
        action="store_true",
        help="the result as JSON on standard output, all else on standard error",
    )
    verb.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="with --json: cancel the run after so many seconds"
    )


def _others(verbs: Any) -> None:
    """What the playbooks have no part in: a run that is under way or over, and what CI asks of an environment."""
    cancel = verbs.add_parser("cancel", help="ask a run that is under way to end where nothing is half done")
    cancel.add_argument("run", help="its id")
    cancel.add_argument("why", nargs="?", default="", help="for its journal")
    report = verbs.add_parser("report", help="write the incident report of a run again, the same bytes")
    report.add_argument("--to", metavar="FOLDER", help="where to (default: report, beside the journal)")
    verify = verbs.add_parser("verify", help="exit code 0 when the journal of a run is whole and signed")
    verify.add_argument("--public-key", metavar="HEX", help="whose signature it has to be")
    verify.add_argument("--head", metavar="HEX", help="the hash of a record, as it was kept elsewhere")
    verify.add_argument(
        "-i", "--inventory", help="the environment whose ledger kept such a hash, for example production"
    )
    for verb in (report, verify):
        verb.add_argument("run", help="its id, its folder, or its journal")
    lock = verbs.add_parser(
        "lock",
        help="run a deploy while no rollback runs: knowngood lock -i production -- npx wrangler deploy",
    )
    frozen = verbs.add_parser("frozen", help="exit code 10 while deploys are held off after a rollback")
    for verb in (lock, frozen):
        _inventory(verb)
    lock.add_argument("--wait", type=float, default=600, help="seconds to wait for the lock (default: 600)")
    lock.add_argument(
        "--despite-freeze", metavar="WHY", default="", help="deploy although deploys are held off"
    )
    lock.add_argument(
        "--before",
        metavar="FILE",
        default="",
        help="write down first what serves, for knowngood after-deploy",
    )
    lock.add_argument("command", nargs="+", help="the deploy, after --")
    _after_deploy(verbs)


def _after_deploy(verbs: Any) -> None:
    verb = verbs.add_parser(
        "after-deploy",
        help="in a pipeline: roll back when its deploy or a check failed, and it changed something",
        usage="knowngood after-deploy -i ENVIRONMENT --deploy RESULT [options]",
        description="Rolls back when a deploy, or a check after it, failed, and it changed something.\n\n"
        "A RESULT is an exit code, or success, failure, cancelled, skipped.",
        epilog=_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _inventory(verb)
    for option, takes, help_ in (
        ("deploy", "RESULT", "how the deploy ended; 10 of knowngood lock is that there was none"),
        ("health", "RESULT", "how knowngood validate ended"),
        ("performance", "RESULT", "how knowngood validate --tier full ended"),
    ):
        verb.add_argument(
            f"--{option}", metavar=takes, default="skipped", help=help_, required=option == "deploy"
        )
    verb.add_argument("--sarif", metavar="FILE", action="append", default=[], help="what a scanner found")
    verb.add_argument(
        "--level", choices=("note", "warning", "error"), default="error", help="what fails (default: error)"
    )
    verb.add_argument("--before", metavar="FILE", help="what served before: of knowngood lock --before")
    for option, takes, help_ in (
        _REASON,
        ("incident", "ID", "the incident (default: the id of the pipeline)"),
        ("severity", "HOW", "CRITICAL, HIGH, MEDIUM or LOW"),
    ):
        verb.add_argument(f"--{option}", metavar=takes, help=help_)
    verb.add_argument("-e", "--extra-vars", action="append", default=[], metavar="NAME=VALUE", help=_EXTRA)
    verb.add_argument("-v", "--verbose", action="count", default=0, help="every request")
    verb.add_argument("--json", action="store_true", help="the result as JSON on standard output")
    verb.add_argument("--timeout", type=float, metavar="SECONDS", help="cancel the rollback after so many")


def _inventory(verb: argparse.ArgumentParser) -> None:
    action = verb.add_argument(
        "-i", "--inventory", required=True, metavar="ENVIRONMENT", help="for example production"
    )
    # For shtab: inventories are folders of the project.
    action.complete = {"bash": "_shtab_compgen_dirs", "zsh": "_files -/", "tcsh": "d"}  # type: ignore[attr-defined]


class _Completion(argparse.Action):
    """As shtab's own, loaded only when it is asked for."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        import shtab

        print(shtab.complete(parser, values))
        parser.exit(0)
