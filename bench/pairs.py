"""Two programs in turns: ratios of their times, with an interval that holds for any distribution of the noise."""

import math
import time

# Seconds between turns: threads of a program spin for a while before they sleep.
PAUSE = 0.03
# Seconds that a turn computes at least, after its first run, which wakes the threads.
TURN = 0.04


def turn(process):
    """The median times of the forward pass and of the rows, of one turn of a process of the example `rows`."""
    time.sleep(PAUSE)
    first = times(process, 1)[0]
    runs = times(process, max(1, min(50, math.ceil(TURN / max(first[0] + first[1], 1e-6)))))
    return [sorted(column)[len(runs) // 2] for column in zip(*runs)]


def times(process, count):
    """(seconds of the forward pass, seconds of the rows) of each run."""
    answers = process.answers(f"run {count}", count)
    return [(float(words[1]), float(words[4])) for words in (answer.split() for answer in answers)]


def ratios(base, present, pairs):
    """For the forward pass and the rows: the ratio of the second process's time to the first one's, for each pair of
    turns. Which one begins changes from pair to pair."""
    found = []
    for pair in range(pairs):
        order = (base, present) if pair % 2 == 0 else (present, base)
        spent = {id(process): turn(process) for process in order}
        found.append([b / a for a, b in zip(spent[id(base)], spent[id(present)])])
    return [sorted(column) for column in zip(*found)]


def interval(ordered):
    """The median, and the ends of the smallest interval of order statistics that holds the true median with 95 %."""
    n = len(ordered)
    below, rank = 0.0, 0
    while below + math.comb(n, rank) / 2**n <= 0.025:
        below += math.comb(n, rank) / 2**n
        rank += 1
    middle = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    return middle, ordered[max(rank - 1, 0)], ordered[n - max(rank, 1)]
