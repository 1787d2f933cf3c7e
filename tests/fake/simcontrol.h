/* GET and POST /control: how tests, the demo and users drive a running simulator. */
#ifndef CTVIGIL_SIMCONTROL_H
#define CTVIGIL_SIMCONTROL_H

#include "simworld.h"

#define SIMCONTROL_BODY_MAX (8u << 20)

/* Does what the JSON says and puts the answer into reply. 400 with {"error": ...} when it says nonsense. */
void simcontrol_post(struct simworld *world, struct span body, struct simreply *reply);
/* Counters and state. */
void simcontrol_get(struct simworld *world, struct simreply *reply);
/* The line that is printed when the simulator is ready; the caller frees. */
char *simcontrol_ready_line(struct simworld *world);

#endif
