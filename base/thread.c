#include "base/thread.h"

#include <errno.h>
#include <signal.h>

#define NAME_MAX_BYTES 16

struct start {
    void (*run)(void *arg);
    void *arg;
    char name[NAME_MAX_BYTES];
};

static _Thread_local char own_name[NAME_MAX_BYTES];

void thread_lock_init(struct lock *lock)
{
    must(pthread_mutex_init(&lock->mutex, NULL) == 0);
    atomic_init(&lock->owned, false);
    atomic_init(&lock->owner, pthread_self());
}

void thread_lock_fini(struct lock *lock)
{
    must(!atomic_load(&lock->owned));
    must(pthread_mutex_destroy(&lock->mutex) == 0);
}

static void own(struct lock *lock)
{
    atomic_store_explicit(&lock->owner, pthread_self(), memory_order_relaxed);
    atomic_store_explicit(&lock->owned, true, memory_order_relaxed);
}

bool thread_lock_held(struct lock *lock)
{
    /* Only this thread can make both true for itself, so relaxed loads are enough. */
    return atomic_load_explicit(&lock->owned, memory_order_relaxed) &&
           pthread_equal(atomic_load_explicit(&lock->owner, memory_order_relaxed), pthread_self());
}

static void disown(struct lock *lock)
{
    must(thread_lock_held(lock));
    atomic_store_explicit(&lock->owned, false, memory_order_relaxed);
}

void thread_lock(struct lock *lock)
{
    must(!thread_lock_held(lock));
    must(pthread_mutex_lock(&lock->mutex) == 0);
    own(lock);
}

void thread_unlock(struct lock *lock)
{
    disown(lock);
    must(pthread_mutex_unlock(&lock->mutex) == 0);
}

void thread_cond_init(struct signal_cond *cond)
{
    pthread_condattr_t attr;
    must(pthread_condattr_init(&attr) == 0);
    must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    must(pthread_cond_init(&cond->cond, &attr) == 0);
    must(pthread_condattr_destroy(&attr) == 0);
}

void thread_cond_fini(struct signal_cond *cond)
{
    must(pthread_cond_destroy(&cond->cond) == 0);
}

void thread_cond_wait(struct signal_cond *cond, struct lock *lock)
{
    disown(lock);
    must(pthread_cond_wait(&cond->cond, &lock->mutex) == 0);
    own(lock);
}

bool thread_cond_wait_ms(struct signal_cond *cond, struct lock *lock, int64_t wait_ms)
{
    struct timespec until;
    must(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    if (wait_ms < 0)
        wait_ms = 0;
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    disown(lock);
    int got = pthread_cond_timedwait(&cond->cond, &lock->mutex, &until);
    own(lock);
    must(got == 0 || got == ETIMEDOUT);
    return got == 0;
}

void thread_cond_signal(struct signal_cond *cond)
{
    must(pthread_cond_signal(&cond->cond) == 0);
}

void thread_cond_broadcast(struct signal_cond *cond)
{
    must(pthread_cond_broadcast(&cond->cond) == 0);
}

static void *thread_main(void *arg)
{
    struct start start = *(struct start *)arg;
    free(arg);
    memcpy(own_name, start.name, sizeof own_name);
    (void)pthread_setname_np(pthread_self(), own_name);
    start.run(start.arg);
    return NULL;
}

/* Everything but the signals a fault raises in the thread itself: blocked they would end the process without
 * the word of whoever handles them (sanitizers, core dumps). */
static void fill_blocked(sigset_t *set)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    must(sigfillset(set) == 0);
    for (size_t i = 0; i < countof(faults); i++)
        must(sigdelset(set, faults[i]) == 0);
}

bool thread_start(struct thread *thread, const char *name, void (*run)(void *arg), void *arg)
{
    sigset_t blocked, before;
    struct start *start = malloc(sizeof *start);

    thread->running = false;
    if (start == NULL)
        return false;
    *start = (struct start){.run = run, .arg = arg};
    (void)snprintf(start->name, sizeof start->name, "%s", name);
    fill_blocked(&blocked);
    must(pthread_sigmask(SIG_SETMASK, &blocked, &before) == 0);
    int failed = pthread_create(&thread->id, NULL, thread_main, start);
    must(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    if (failed != 0)
        free(start);
    thread->running = failed == 0;
    return thread->running;
}

void thread_join(struct thread *thread)
{
    if (!thread->running)
        return;
    must(pthread_join(thread->id, NULL) == 0);
    thread->running = false;
}

const char *thread_name(void)
{
    return own_name[0] == 0 ? "main" : own_name;
}
