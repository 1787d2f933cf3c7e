/* What one channel's thread does at each look at the outbox: claims what is due, drops what the channel does
 * not want, holds back what has to wait for an hour or a digest, sends the rest one by one (or a digest in
 * one piece), and writes down what became of it. No transaction is open while something is sent.
 *
 * A receiver that refuses everything is asked less and less often, up to the first backoff; what it was not
 * asked about keeps its tries. */
#ifndef CTVIGIL_COURIER_H
#define CTVIGIL_COURIER_H

#include "watcher/channel.h"

struct courier {
    struct pgconn *conn;
    struct channel *channel;
    const int64_t *backoff_ms; /* after the first, second ... try; the last one for all further */
    size_t backoff_count;
    int32_t tries_max;
    const atomic_bool *stop;
    atomic_uint_fast64_t refused; /* sends that the receiver did not accept */
    /* its own */
    size_t batch;           /* rows claimed at once: as many as were sent in a quarter of a second */
    unsigned failures;      /* in a row */
    int64_t pause_until_ms; /* monotonic; the receiver is left alone */
    uint64_t idle;          /* passes without anything due */
};

/* One look. *worked: something was due. An error is the database's. */
MUST_USE enum err_code courier_pass(struct courier *courier, bool *worked, struct err *why);

/* How long a row is leased for: until somebody else may think that we are dead. */
int64_t courier_lease_ms(const struct channel *channel);
/* Makes the message of an alert and sends it. `failure` is the receiver's, or that no message can be made of
 * this alert: it must not hold up the others. */
void courier_send(struct channel *channel, const struct db_alert_row *row, const char *key,
                  struct err *failure);
/* Ends the incident that the receiver has for the alert; the channel has ops->over. `failure` as above. */
void courier_over(struct channel *channel, const struct db_alert_row *row, struct err *failure);

#endif
