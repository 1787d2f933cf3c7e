/* Requests that may go to one operator from one of our addresses: what the fetch loop spends and the pacer
 * (pacer.h) fills. The fetch loop never waits for the pacer: it has requests in hand for a slice of time, and
 * when nobody fills them up it goes on with what came last. Thread-safe. Times are monotonic milliseconds. */
#ifndef CTVIGIL_BUDGET_H
#define CTVIGIL_BUDGET_H

#include "base/rate.h"
#include "base/thread.h"
#include "ingest/tempo.h"

#define BUDGET_SLICE_MS 250  /* requests in hand are for so long */
#define BUDGET_ALONE_MS 2000 /* nobody filled them up for so long: on with the last share */

struct budget {
    char operator_key[PACE_OPERATOR_MAX];
    char source[PACE_SOURCE_MAX]; /* "": as the system chooses */
    struct tempo_bounds bounds;
    struct lock lock;
    /* Under lock. */
    double pool;   /* requests in hand; negative: spent in advance */
    double gap_ms; /* between two of them */
    double next_ms;
    double head_ms; /* the next head of a tree, not before */
    double share;   /* per second, of late */
    double room;    /* most that may be in hand */
    int64_t hold_until_ms;
    int64_t filled_ms; /* 0: never */
    int64_t made_ms;
    int64_t used_ms; /* when it was last asked for */
    int64_t cut_ms;  /* when its last refusal was told */
    int64_t alone_ms;
    unsigned misses; /* refusals in a row, while alone */
    bool fresh;
    bool starved;
    struct tempo_heard heard; /* since the last exchange; times are ours */
    struct pace seen;         /* as it was at the last exchange, by the clock of the record */
    /* Of the pacer alone. */
    struct pace own; /* without a database: the record itself */
    int64_t due_ms;
    bool told; /* that it is held */
};

void budget_init(struct budget *budget, const char *operator_key, const char *source,
                 const struct tempo_bounds *bounds, int64_t now_ms);
void budget_fini(struct budget *budget);

/* How long a request would have to wait now; 0: not at all. Asking for it is what makes a budget grow. */
int64_t budget_wait(struct budget *budget, int64_t now_ms);
/* The same for heads of trees: they go before everything else, and may have a quarter of all requests. */
int64_t budget_wait_head(struct budget *budget, int64_t now_ms);
int64_t budget_hold_until(struct budget *budget);
/* One request goes out, whatever budget_wait said. *fresh: over a connection of its own. */
void budget_take(struct budget *budget, bool head, int64_t now_ms, bool *fresh);

enum budget_answer {
    BUDGET_GOOD,    /* any answer that is no refusal */
    BUDGET_REFUSED, /* 429, 503, a time-out */
    BUDGET_NEITHER, /* given up by us, or the connection failed */
};
/* True: the first refusal of those that went out together: the pacer wants to know at once. */
bool budget_heard(struct budget *budget, enum budget_answer answer, int64_t sent_ms, int64_t retry_after_ms,
                  int64_t now_ms);

/* For the pacer: what it says about the next slice, and what it hears. */
struct budget_turn {
    struct tempo_heard heard; /* refused_sent_ms: milliseconds before now */
    double pool;
    int64_t now_ms;
    bool idle; /* nobody asks: what is in hand goes back */
};
void budget_turn_begin(struct budget *budget, struct budget_turn *turn, int64_t now_ms);
/* The record `pace`, brought up to date and less `granted` (negative: given back) at its own time `clock_ms`.
 */
void budget_turn_end(struct budget *budget, const struct budget_turn *turn, const struct pace *pace,
                     double granted, int64_t clock_ms);
/* The record could not be reached: what was heard is kept for the next time. */
void budget_turn_undo(struct budget *budget, const struct budget_turn *turn);
/* One step of the record; what budget_turn_end wants to know as `granted`. */
double budget_step(const struct tempo_bounds *bounds, const struct budget_turn *turn, struct pace *pace,
                   bool found, int64_t clock_ms);

#endif
