/*
 * What people do, against a real server and worker; tests/e2e/test_browser starts both and this. The order matters: the first
 * flow finds a server that knows nothing yet.
 */
import "./server-newcomer.ts";
import "./server-runs.ts";
import "./server-starting.ts";
import "./server-log.ts";
import "./server-configuration.ts";
import "./server-deliveries.ts";
import "./server-board.ts";
import "./server-people.ts";
import "./server-barriers.ts";
