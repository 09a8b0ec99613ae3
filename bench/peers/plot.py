"""Tokens a second over users as an SVG file that reads well on light and on dark ground."""

import math
import statistics
from collections import defaultdict

WIDTH, HEIGHT = 760, 380
LEFT, RIGHT, TOP, BOTTOM = 56, 24, 40, 48
GREY = "#808890"
COLOURS = {"throng": "#d9622b", "llama.cpp": "#3b82c4"}


def plot(lines):
    """Medians as lines, the least and the most as bars; None where no decoding was measured."""
    speeds = defaultdict(lambda: defaultdict(list))
    for line in lines:
        if line.get("part") == "decode" and "speed" in line:
            speeds[line["engine"]][line["x"]].append(line["speed"])
    if not speeds:
        return None
    users = sorted({x for curve in speeds.values() for x in curve})
    most = max(max(values) for curve in speeds.values() for values in curve.values())
    ticks = steps(most)
    span = math.log2(users[-1] / users[0]) or 1

    def place(x, speed):
        across = math.log2(x / users[0]) / span
        right = LEFT + across * (WIDTH - LEFT - RIGHT)
        return right, HEIGHT - BOTTOM - speed / ticks[-1] * (HEIGHT - TOP - BOTTOM)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
             'font-family="sans-serif" font-size="13">',
             "<title>Tokens a second of all users, over the number of users</title>",
             text(LEFT, 18, "tokens a second, all users", "start")]
    for tick in ticks:
        _, y = place(users[0], tick)
        parts.append(stroke([(LEFT, y), (WIDTH - RIGHT, y)], GREY, 0.35, 1))
        parts.append(text(LEFT - 8, y + 4, f"{tick:g}", "end"))
    for x in users:
        parts.append(text(place(x, 0)[0], HEIGHT - BOTTOM + 20, f"{x}", "middle"))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "users at once", "middle"))
    for index, engine in enumerate(sorted(speeds, reverse=True)):
        colour, curve = COLOURS.get(engine, GREY), speeds[engine]
        middle = {x: place(x, statistics.median(curve[x])) for x in sorted(curve)}
        parts.append(stroke(middle.values(), colour, 1, 2.5))
        for x, (right, y) in middle.items():
            bar = [place(x, extreme) for extreme in (min(curve[x]), max(curve[x]))]
            parts.append(stroke(bar, colour, 0.6, 1.5))
            parts.append(f'<circle cx="{right:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>')
        left = LEFT + 190 + 100 * index
        parts.append(stroke([(left, 14), (left + 22, 14)], colour, 1, 2.5))
        parts.append(text(left + 28, 18, engine, "start"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def steps(most):
    """Round numbers from 0 to what is no less than the most: four to ten of them."""
    size = 10 ** math.floor(math.log10(most)) / 2
    while most / size > 8:
        size *= 2
    return [size * i for i in range(math.ceil(most / size) + 1)]


def text(x, y, content, anchor):
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{GREY}" text-anchor="{anchor}">{content}</text>'


def stroke(points, colour, opacity, width):
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return (f'<polyline points="{path}" fill="none" stroke="{colour}" '
            f'stroke-opacity="{opacity}" stroke-width="{width}"/>')
