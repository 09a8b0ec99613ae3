"""What hostile clients cost the others, and the server: latencies and memory beside each crowd.

    python3 bench/door.py target/release/throng --seconds 20

starts a server on the built-in model, lets a few users chat, and sends one crowd after the other to
the same port, each for so many seconds, then all at once. A line of the table that it prints is one
crowd. Nothing but the standard library is needed; memory is Linux's /proc.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import resource
import select
import socket
import statistics
import subprocess
import time

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHAT = {
    "model": "nano",
    "messages": [{"role": "user", "content": "What is 3 + 4?"}],
    "reasoning_effort": "low",
    "max_tokens": 32,
}
USERS = 4
PATIENCE_S = 60


def connect(address):
    """A connection, or None where there is none to be had at once."""
    try:
        return socket.create_connection(address, timeout=5)
    except OSError:
        return None


def trickle(address, count, first):
    """`count` clients who say `first`, then a byte a second, and come again when they are cut off."""
    clients = [None] * count
    while True:
        for index, client in enumerate(clients):
            try:
                if client is None:
                    client = clients[index] = connect(address)
                    client.sendall(first)
                else:
                    client.sendall(b"x")
            except (OSError, AttributeError):
                clients[index] = None
        time.sleep(1)


def idle(address, count):
    """`count` clients who say nothing, and come again when they are cut off."""
    clients = {}
    waiting = select.poll()
    while True:
        while len(clients) < count:
            client = connect(address)
            if client is None:
                break
            clients[client.fileno()] = client
            waiting.register(client, select.POLLIN | select.POLLHUP)
        # Whoever can be read was cut off: nobody has asked anything.
        for number, _ in waiting.poll(1000):
            waiting.unregister(number)
            clients.pop(number).close()
        time.sleep(0.1)


def insist(address, body):
    """A client who sends the same body again and again, and reads what is said to it."""
    while True:
        client = connect(address)
        if client is None:
            continue
        try:
            client.settimeout(PATIENCE_S)
            client.sendall(HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
            client.sendall(body)
            while client.recv(1 << 16):
                pass
        except OSError:
            pass
        client.close()


def chat(address, report, seconds):
    """A user who asks for `seconds`, each time on a new connection: latencies, and failures."""
    end = time.monotonic() + seconds
    latencies, failures = [], []
    while time.monotonic() < end:
        start = time.monotonic()
        connection = http.client.HTTPConnection(*address, timeout=PATIENCE_S)
        try:
            body = json.dumps(CHAT)
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/v1/chat/completions", body, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                failures.append(str(answer.status))
        except (OSError, http.client.HTTPException) as error:
            failures.append(type(error).__name__)
        else:
            latencies.append(time.monotonic() - start)
        finally:
            connection.close()
    report.put((latencies, failures))


def crowds():
    """Name and members of each crowd: functions with their arguments after the address."""
    large = b"[" * (50 << 20)
    deep = b'{"model":"nano","messages":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    each = {
        "200 slow heads": [(trickle, 200, HEAD)],
        "200 slow bodies": [(trickle, 200, HEAD + b"Content-Length: 1000000\r\n\r\n{")],
        "4 with bodies of 50 MB": [(insist, large)] * 4,
        "4 with JSON 10,000 deep": [(insist, deep)] * 4,
        "2,000 idle connections": [(idle, 1000)] * 2,
    }
    return {"none": [], **each, "all of these": [one for crowd in each.values() for one in crowd]}


def held(pid):
    """Bytes resident in a process, and its open files."""
    with open(f"/proc/{pid}/status") as status:
        kilobytes = next(line.split()[1] for line in status if line.startswith("VmRSS:"))
    return int(kilobytes) * 1024, len(os.listdir(f"/proc/{pid}/fd"))


def beside(crowd, address, pid, seconds):
    """What the users see beside a crowd, and the most that the server held."""
    members = [
        multiprocessing.Process(target=what, args=(address, *args), daemon=True)
        for what, *args in crowd
    ]
    for member in members:
        member.start()
    # Until the crowd is complete.
    time.sleep(3 if members else 0)
    report = multiprocessing.Queue()
    users = [
        multiprocessing.Process(target=chat, args=(address, report, seconds), daemon=True)
        for _ in range(USERS)
    ]
    for user in users:
        user.start()
    looks = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        looks.append(held(pid))
        time.sleep(0.2)
    reports = [report.get(timeout=2 * PATIENCE_S) for _ in users]
    for member in members:
        member.terminate()
        member.join()
    latencies = sorted(latency for one, _ in reports for latency in one)
    failures = [failure for _, some in reports for failure in some]
    return latencies, failures, max(look[0] for look in looks), max(look[1] for look in looks)


def row(name, latencies, failures, resident, files):
    """A line of the table."""
    ms = ["-"] * 3
    if latencies:
        times = statistics.median(latencies), latencies[int(len(latencies) * 0.99)], latencies[-1]
        ms = [f"{1e3 * time:.0f} ms" for time in times]
    cells = [name, str(len(latencies)), str(len(failures)), *ms, f"{resident / 1e6:.0f} MB", str(files)]
    return "| " + " | ".join(cells) + " |"


def main():
    """Starts the server, and prints a line for each crowd."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("throng", help="the program that is measured")
    parser.add_argument("--seconds", type=float, default=20, help="how long beside each crowd")
    parser.add_argument("--only", default="", metavar="TEXT", help="crowds with this in their name")
    args = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
    command = [args.throng, "serve", "--port", str(address[1])]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        while "is ready" not in (line := server.stderr.readline()):
            assert line, "the server did not start"
        print("| crowd | chats | failed | median | p99 | worst | resident | open files |")
        print("|---|---|---|---|---|---|---|---|")
        for name, crowd in crowds().items():
            if args.only not in name:
                continue
            print(row(name, *beside(crowd, address, server.pid, args.seconds)), flush=True)
        time.sleep(25)
        resident, files = held(server.pid)
        print(f"\n25 s after the last: {resident / 1e6:.0f} MB, {files} open files")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
