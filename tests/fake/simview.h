/* The two faces of the log: RFC 6962 section 4 and C2SP static-ct-api. Turns a request into a reply; knows no
 * HTTP library. Thread-safe. */
#ifndef CTVIGIL_SIMVIEW_H
#define CTVIGIL_SIMVIEW_H

#include "simworld.h"

/* Answers a request of either view, faults of content included (those of transport are applied by simhttp.c).
 * reply->body is ready for use. */
void simview_answer(struct simworld *world, const struct simrequest *request, struct simreply *reply);

#endif
