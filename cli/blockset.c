#include "cli/blockset.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/say.h"
#include "base/thread.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct lock lock; /* guards what follows */
static char *named;
static struct blocklist *current;
static int64_t due_ms;
static bool failing;

static void init(void)
{
    thread_lock_init(&lock);
}

static void replace(struct blocklist *fresh)
{
    blocklist_unpin(current);
    current = fresh;
}

void blockset_use(const char *paths)
{
    must(pthread_once(&once, init) == 0);
    thread_lock(&lock);
    free(named);
    named = paths == NULL || paths[0] == '\0' ? NULL : strdup(paths);
    replace(NULL);
    failing = false;
    thread_unlock(&lock);
}

void blockset_forget(void)
{
    blockset_use(NULL);
}

static void look_again(int64_t now)
{
    struct blocklist *fresh = NULL;
    struct err why = {0};
    due_ms = now + LIMIT_BLOCKLIST_LOOK_MS;
    if (!blocklist_changed(current)) {
        failing = false;
        return;
    }
    if (blocklist_read(named, &fresh, &why) == ERR_OK) {
        say_info("watch", "blocklist keys=%zu: read again, because a file changed", blocklist_count(fresh));
        replace(fresh);
        failing = false;
    } else if (!failing) {
        say_warn("watch", "%s; the lists that were read before stay in force", why.text);
        failing = true;
    }
}

enum err_code blockset_pin(struct blocklist **list, struct err *why)
{
    enum err_code code = ERR_OK;
    int64_t now = clock_mono_ms();
    must(pthread_once(&once, init) == 0);
    thread_lock(&lock);
    if (named != NULL && current == NULL) {
        code = blocklist_read(named, &current, why);
        due_ms = now + LIMIT_BLOCKLIST_LOOK_MS;
    } else if (named != NULL && now >= due_ms) {
        look_again(now);
    }
    *list = code == ERR_OK ? blocklist_pin(current) : NULL;
    thread_unlock(&lock);
    return code;
}
