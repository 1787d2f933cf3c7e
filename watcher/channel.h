/* A receiver of alerts: one ops table per kind (send_stdout, send_exec). A channel belongs to one thread. */
#ifndef CTVIGIL_CHANNEL_H
#define CTVIGIL_CHANNEL_H

#include <stdatomic.h>

#include "db/db_alert.h"

struct channel;

struct channel_message {
    const struct db_alert_row *row;
    const char *json; /* message_json */
    const char *line; /* message_line */
    const char *key;  /* the same at every try: receivers drop repetitions by it */
};

struct channel_ops {
    /* ERR_OK: the receiver took it. Any error: it will be tried again; `why` becomes the delivery's last
     * error. */
    enum err_code (*send)(struct channel *channel, const struct channel_message *message, struct err *why);
    void (*free)(struct channel *channel);
};

struct channel {
    const struct channel_ops *ops;
    const char *name;        /* as in table channel: "stdout", "hook" */
    int64_t send_ms_max;     /* how long one send may take: what a lease is counted from */
    const atomic_bool *stop; /* when it turns true a waiting send gives up; NULL: never */
};

#endif
