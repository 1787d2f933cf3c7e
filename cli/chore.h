/* Work that a process does beside its main job, over and over: one thread, woken early only to end. */
#ifndef CTVIGIL_CHORE_H
#define CTVIGIL_CHORE_H

#include "base/err.h"
#include "base/thread.h"

struct chore {
    atomic_bool stop; /* for whatever the work waits on */
    /* Of the chore alone. */
    int64_t (*look)(void *arg);
    void *arg;
    struct lock lock;
    struct signal_cond wake;
    struct thread thread;
};

/* Runs look(arg) at once, and again when the milliseconds it returned have passed. `chore` is all zeros and
 * lives until chore_stop. ERR_SYSTEM: no thread, and nothing to be stopped; `name` (up to 15 bytes) says
 * which. */
MUST_USE enum err_code chore_start(struct chore *chore, const char *name, int64_t (*look)(void *arg),
                                   void *arg, struct err *why);
/* Sets `stop` and waits until look has returned. Nothing for one that was never started. */
void chore_stop(struct chore *chore);

#endif
