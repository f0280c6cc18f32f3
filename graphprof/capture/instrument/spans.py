"""Where the program's time goes: a tree of nested spans, summed as it grows.

A watched call (a ``tf.function``, ``fit``, ``next`` of an iterator ...) opens a span inside the span
that is open on the same thread. Spans with the same kind, name and place under the same parent are
one node, so the tree stays small however long the program runs, and each node's total is exact. A
node's own time is its total less its children's: the tree divides the thread's time exclusively.

Only the main thread has a tree. What other threads do (input pipelines calling back into Python)
is counted by the watchers that see it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from graphprof.capture.instrument.sites import Site

STEPS = frozenset({"step", "first_step"})
MOST_NODES = 20_000
"""Beyond so many, what would be a new node is counted under ``MORE`` of its parent."""
MORE = "(more)"
KEPT = 64
"""How many durations a node keeps; when full, every second one goes and the stride doubles."""


class Node:
    """All spans of one kind, name and place under one parent.

    Attributes:
        count: spans that have ended.
        total_s: their summed length, seconds.
        first_at_s: when the first began, seconds since the watch began.
        last_end_s: when the latest ended, seconds since the watch began.
        first_s: length of the first, seconds.
        kept_s: lengths of every ``stride``-th span after the first, seconds.
        ops: eager ops dispatched directly under this node: name -> [count, seconds].
    """

    __slots__ = (
        "children",
        "count",
        "first_at_s",
        "first_s",
        "kept_s",
        "kind",
        "last_end_s",
        "name",
        "ops",
        "site",
        "stride",
        "total_s",
    )

    def __init__(self, kind: str, name: str, site: Site | None) -> None:
        self.kind = kind
        self.name = name
        self.site = site
        self.count = 0
        self.total_s = 0.0
        self.first_at_s = 0.0
        self.last_end_s = 0.0
        self.first_s = 0.0
        self.kept_s: list[float] = []
        self.stride = 1
        self.children: dict[tuple[str, str, Site | None], Node] = {}
        self.ops: dict[str, list[float]] = {}

    def add(self, duration_s: float) -> None:
        """Count one more span."""
        if self.count == 0:
            self.first_s = duration_s
        elif self.count % self.stride == 0:
            self.kept_s.append(duration_s)
            if len(self.kept_s) >= KEPT:
                del self.kept_s[::2]
                self.stride *= 2
        self.count += 1
        self.total_s += duration_s

    def absorb(self, other: Node) -> None:
        """Add ``other``'s spans, and its children's, to this node."""
        if self.count == 0:
            self.first_s, self.first_at_s = other.first_s, other.first_at_s
            self.kept_s.extend(other.kept_s)
        else:
            self.kept_s.extend([other.first_s, *other.kept_s] if other.count else [])
            del self.kept_s[KEPT:]
        self.count += other.count
        self.total_s += other.total_s
        self.last_end_s = max(self.last_end_s, other.last_end_s)
        for op, (count, seconds) in other.ops.items():
            mine = self.ops.setdefault(op, [0, 0.0])
            mine[0] += count
            mine[1] += seconds
        for key, child in other.children.items():
            if key in self.children:
                self.children[key].absorb(child)
            else:
                self.children[key] = child


Token = tuple[Node, Node, float]


class Tree:
    """The main thread's tree, and the only clock of the watch.

    Attributes:
        current: the node of the innermost open span.
        tick_at_s: when a span that ends is to look at the timers; a watcher that measures without
            spans calls ``on_tick`` then.
        nodes: how many there are.
        left_s: when a span last ended, seconds since the watch began.
        loop_site: the user's line that called the Keras loop that is going on: what a look up the
            stack from one of its steps would find.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self.origin_s = clock()
        self.root = Node("program", "", None)
        self.current = self.root
        self.thread: int | None = threading.get_ident()
        self.tick_at_s = float("inf")
        self.timers: dict[Callable[[float], None], float] = {}
        self.nodes = 1
        self.left_s = 0.0
        self.loop_site: Site | None = None

    def now_s(self) -> float:
        """Seconds since the watch began."""
        return self.clock() - self.origin_s

    def here(self) -> bool:
        """Whether this is the watched thread."""
        return threading.get_ident() == self.thread

    def set_timer(self, action: Callable[[float], None], at_s: float) -> None:
        """Call ``action`` with the time, once, as soon as a span ends after ``at_s`` of the clock.

        It runs between two watched calls on the main thread; a new time replaces the old one.
        """
        self.timers[action] = at_s
        self.tick_at_s = min(self.timers.values())

    def stop_timers(self) -> None:
        """Forget all timers."""
        self.timers.clear()
        self.tick_at_s = float("inf")

    def on_tick(self, now: float) -> None:
        """Run the timers that are due; what they do runs none."""
        self.tick_at_s = float("inf")
        due = [action for action, at_s in self.timers.items() if at_s <= now]
        for action in due:
            self.timers[action] = float("inf")
            action(now)
            self.tick_at_s = float("inf")
        self.tick_at_s = min(self.timers.values(), default=float("inf"))

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """While it is open no thread is the watched one, and the clock stands still."""
        start, thread = self.clock(), self.thread
        self.thread = None
        try:
            yield
        finally:
            self.thread = thread
            self.origin_s += self.clock() - start

    def enter(self, kind: str, name: str, site: Site | None = None) -> Token:
        """Open a span; give the token to ``leave``."""
        parent = self.current
        key = (kind, name, site)
        node = parent.children.get(key)
        if node is None:
            node = self._new(parent, kind, name, site)
        self.current = node
        start = self.clock()
        if not node.count and node.first_at_s == 0.0:
            node.first_at_s = start - self.origin_s
        return node, parent, start

    def _new(self, parent: Node, kind: str, name: str, site: Site | None) -> Node:
        """A node of its own; one for all the rest where a program makes ever new ones."""
        if self.nodes >= MOST_NODES:
            name, site = MORE, None
            known = parent.children.get((kind, name, site))
            if known is not None:
                return known
        self.nodes += 1
        node = parent.children[kind, name, site] = Node(kind, name, site)
        return node

    def leave(self, token: Token) -> float:
        """Close the span that ``token`` stands for, and any left open inside; return its seconds."""
        node, parent, start = token
        end = self.clock()
        seconds = end - start
        count = node.count
        if count and count % node.stride:  # the usual case of ``Node.add``, without the call
            node.count = count + 1
            node.total_s += seconds
        else:
            node.add(seconds)
        node.last_end_s = self.left_s = end - self.origin_s
        self.current = parent
        if end >= self.tick_at_s:
            self.on_tick(end)
        return seconds

    def enter_apart(self, kind: str) -> Token:
        """Open a span whose name is known only when it ends (``leave_as``)."""
        parent = self.current
        node = Node(kind, "", None)
        self.current = node
        start = self.clock()
        node.first_at_s = start - self.origin_s
        return node, parent, start

    def leave_as(self, token: Token, name: str) -> None:
        """Close a span opened by ``enter_apart`` under the name ``name``."""
        node, parent, _ = token
        self.leave(token)
        node.name = name
        key = (node.kind, name, None)
        known = parent.children.get(key)
        if known is None:
            parent.children[key] = node
        else:
            known.absorb(node)

    def op(self, name: str, seconds: float) -> None:
        """Count one eager op under the innermost open span."""
        ops = self.current.ops
        entry = ops.get(name)
        if entry is None:
            ops[name] = [1, seconds]
        else:
            entry[0] += 1
            entry[1] += seconds

    def inside(self, kind: str) -> bool:
        """Whether the innermost open span is of ``kind``."""
        return self.current.kind == kind


def dump(node: Node) -> dict[str, Any]:
    """``node`` and all below it as JSON values (see ``docs/watch-format.md``)."""
    record: dict[str, Any] = {
        "kind": node.kind,
        "name": node.name,
        "count": node.count,
        "total_s": round(node.total_s, 7),
    }
    if node.site is not None:
        record["site"] = list(node.site)
    if node.count:
        record["first_at_s"] = round(node.first_at_s, 6)
        record["last_end_s"] = round(node.last_end_s, 6)
        record["first_s"] = round(node.first_s, 7)
    if node.kept_s:
        record["kept_s"] = [round(value, 7) for value in node.kept_s]
    if node.ops:
        record["ops"] = {
            name: [int(count), round(seconds, 7)] for name, (count, seconds) in node.ops.items()
        }
    if node.children:
        record["children"] = [dump(child) for child in node.children.values()]
    return record
