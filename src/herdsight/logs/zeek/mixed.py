"""JSON lines of several of Zeek's logs in one file, as shippers make them: each line says which log it is of.

Every log that is read has a reading of its own over the whole file, and passes the other logs' lines on.
"""

from sqlglot import exp

from herdsight.logs.head import Head
from herdsight.logs.values import OTHER_EVENT
from herdsight.logs.zeek.kinds import PATHS, said_in
from herdsight.trees import call, column, text


def is_mixed(head: Head) -> bool:
    """Whether the head has lines of several logs."""
    return len(said_in(head)) > 1


def other_log(path: str) -> exp.If:
    """The case of a line that is not of that log. A log's name is only repeated where it is a plain word."""
    said = exp.Coalesce(this=column(PATHS[0]), expressions=[*map(column, PATHS[1:]), text("")])
    plain = call("regexp_full_match", said.copy(), text("[a-z0-9_]{1,30}"))
    what = exp.Case(
        ifs=[exp.If(this=plain, true=call("concat", text(f"{OTHER_EVENT}: "), said.copy()))], default=text(OTHER_EVENT)
    )
    return exp.If(this=exp.NEQ(this=said, expression=text(path)), true=what)
