/* A receiver of alerts: one ops table per kind (send_stdout, send_exec, send_webhook, send_mail,
 * send_syslog). A channel belongs to one thread. */
#ifndef CTVIGIL_CHANNEL_H
#define CTVIGIL_CHANNEL_H

#include <stdatomic.h>

#include "db/db_alert.h"

struct channel;
struct chanrule;

struct channel_message {
    const struct db_alert_row *row;
    const char *json; /* message_json */
    const char *line; /* message_line */
    const char *key;  /* the same at every try: receivers drop repetitions by it */
};

/* One alert of several that go out together; the row behind it is gone by then. */
struct channel_gathered {
    int64_t id;
    char severity[12];
    char *json;
    char *line;
};

struct channel_digest {
    const struct channel_gathered *alerts;
    size_t count;    /* 1 to LIMIT_CLAIMED */
    const char *key; /* the same whenever the same alerts go out together */
};

struct channel_ops {
    /* ERR_OK: the receiver took it. Any error: it will be tried again; `why` becomes the delivery's last
     * error. */
    enum err_code (*send)(struct channel *channel, const struct channel_message *message, struct err *why);
    void (*free)(struct channel *channel);
    /* Several at once; NULL: it takes them only one by one. */
    enum err_code (*send_digest)(struct channel *channel, const struct channel_digest *digest,
                                 struct err *why);
    /* Ends the incident that the receiver has for an alert that is acked or closed; NULL: it has none. */
    enum err_code (*over)(struct channel *channel, const struct channel_message *message, struct err *why);
};

struct channel {
    const struct channel_ops *ops;
    const char *name;        /* as in table channel: "stdout", "hook" */
    int64_t send_ms_max;     /* how long one send may take: what a lease is counted from */
    const atomic_bool *stop; /* when it turns true a waiting send gives up; NULL: never */
    struct chanrule *rule;   /* what it is told of and when, freed with it; NULL: all, at once */
    bool whole;              /* its messages need the certificate and the entry: db_alert_show */
    int64_t retry_ms;        /* the receiver's wish, set by a send that failed; 0: none */
};

/* With its rule. */
void channel_free(struct channel *channel);

#endif
