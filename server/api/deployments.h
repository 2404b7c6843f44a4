#ifndef SERVER_API_DEPLOYMENTS_H
#define SERVER_API_DEPLOYMENTS_H

/* How what runs came there; deploying a version again, going back, and versions in quarantine. Context:
 * struct server. */

#include "server/http/http_server.h"

http_handler deployments_list;
http_handler deployments_create; /* a version that was built, to one environment */
http_handler rollbacks_create;
http_handler deployments_resolve; /* of a run: how an unknown one ended */
http_handler waves_accept;        /* of a run: its wave that asks for a person is good */
http_handler quarantine_list;
http_handler quarantine_release;
http_handler quarantine_fixed; /* by the commit of a run */

#endif
