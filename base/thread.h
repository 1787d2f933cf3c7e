/* Threads, locks and conditions in one word each: a failing pthread call is our own bug and aborts.
 * A lock knows its owner, so lock_held can be asserted. Nobody holds two locks at once. */
#ifndef CTVIGIL_THREAD_H
#define CTVIGIL_THREAD_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/base.h"

struct lock {
    pthread_mutex_t mutex;
    _Atomic(pthread_t) owner;
    atomic_bool owned;
};

struct signal_cond {
    pthread_cond_t cond;
};

struct thread {
    pthread_t id;
    bool running;
};

void thread_lock_init(struct lock *lock);
void thread_lock_fini(struct lock *lock);
void thread_lock(struct lock *lock);
void thread_unlock(struct lock *lock);
bool thread_lock_held(struct lock *lock); /* by this thread */

void thread_cond_init(struct signal_cond *cond);
void thread_cond_fini(struct signal_cond *cond);
void thread_cond_wait(struct signal_cond *cond, struct lock *lock);
/* False when `wait_ms` passed without a signal. */
bool thread_cond_wait_ms(struct signal_cond *cond, struct lock *lock, int64_t wait_ms);
void thread_cond_signal(struct signal_cond *cond);
void thread_cond_broadcast(struct signal_cond *cond);

/* Starts a thread that runs run(arg) with every signal blocked. `name` (up to 15 bytes) shows in ps and
 * panics. */
MUST_USE bool thread_start(struct thread *thread, const char *name, void (*run)(void *arg), void *arg);
void thread_join(struct thread *thread); /* nothing when it does not run */
const char *thread_name(void);           /* of the calling thread */

#endif
