"""python3 -m tally --port PORT --file FILE"""

import argparse

from tally.counts import Counts
from tally.server import make_server


def main():
    parser = argparse.ArgumentParser(prog="tally", description="Counts things over HTTP.")
    parser.add_argument("--port", type=int, default=8080, help="0 takes any free one (default: %(default)s)")
    parser.add_argument("--file", default="counts.json", help="where the counts are kept (default: %(default)s)")
    options = parser.parse_args()
    server = make_server(Counts(options.file), port=options.port)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
