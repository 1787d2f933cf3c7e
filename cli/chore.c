#include "cli/chore.h"

static void chore_work(void *arg)
{
    struct chore *chore = arg;

    while (!atomic_load(&chore->stop)) {
        int64_t wait_ms = chore->look(chore->arg);
        thread_lock(&chore->lock);
        if (!atomic_load(&chore->stop))
            (void)thread_cond_wait_ms(&chore->wake, &chore->lock, wait_ms);
        thread_unlock(&chore->lock);
    }
}

static void chore_fini(struct chore *chore)
{
    thread_cond_fini(&chore->wake);
    thread_lock_fini(&chore->lock);
}

enum err_code chore_start(struct chore *chore, const char *name, int64_t (*look)(void *arg), void *arg,
                          struct err *why)
{
    chore->look = look;
    chore->arg = arg;
    thread_lock_init(&chore->lock);
    thread_cond_init(&chore->wake);
    if (thread_start(&chore->thread, name, chore_work, chore))
        return ERR_OK;
    chore_fini(chore);
    return err_set(why, ERR_SYSTEM, "no thread for the %s", name);
}

void chore_stop(struct chore *chore)
{
    if (!chore->thread.running)
        return;
    thread_lock(&chore->lock);
    atomic_store(&chore->stop, true);
    thread_cond_broadcast(&chore->wake);
    thread_unlock(&chore->lock);
    thread_join(&chore->thread);
    chore_fini(chore);
}
