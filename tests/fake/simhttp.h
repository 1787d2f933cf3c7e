/* The simulator's door: HTTP/1.1 on the loopback, a thread per connection. Applies the faults of transport;
 * what is behind the paths is in simview.h and simcontrol.h. */
#ifndef CTVIGIL_SIMHTTP_H
#define CTVIGIL_SIMHTTP_H

#include "simworld.h"

#define SIMHTTP_CONNECTIONS_MAX 256

struct simhttp;

/* Listens on 127.0.0.1:*port (0: a free one, told in *port). */
MUST_USE enum err_code simhttp_start(struct simworld *world, uint16_t *port, struct simhttp **http,
                                     struct err *why);
/* Waits for the answers under way. */
void simhttp_stop(struct simhttp *http);

#endif
