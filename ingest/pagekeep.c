#include "ingest/pagekeep.h"

#include "base/say.h"
#include "ingest/opkey.h"

static void filled(void *arg)
{
    plant_wake(arg);
}

static void save(struct store *store, struct follow *follow)
{
    struct err why = {.code = ERR_OK};
    thread_lock(&follow->lock);
    uint32_t page = (uint32_t)follow->plan.page;
    uint32_t align = (uint32_t)follow->plan.align;
    /* What was never cut short is what we asked for, and says nothing about the log. */
    bool learned = !follow->plan.tiles && follow->plan.short_count != 0;
    bool changed = page != follow->page_kept || align != follow->align_kept;
    thread_unlock(&follow->lock);
    if (!learned || !changed)
        return;
    if (store->ops->page(store, follow->log.id, page, align, &why) != ERR_OK) {
        say_debug(follow->log.name, "the size of its pages is not kept: %s", why.text);
        return;
    }
    thread_lock(&follow->lock);
    follow->page_kept = page;
    follow->align_kept = align;
    thread_unlock(&follow->lock);
}

static void spare(void *arg, struct store *store)
{
    struct plant *plant = arg;
    size_t count = atomic_load(&plant->follow_count);
    for (size_t i = 0; store->ops->page != NULL && i < count; i++)
        if (plant->follows[i]->front == NULL && !atomic_load(&plant->follows[i]->removed))
            save(store, plant->follows[i]);
}

struct pacer *pagekeep_pacer(struct plant *plant)
{
    const struct pacer_options options = {.store_open = plant->options.store_open,
                                          .store_arg = plant->options.store_arg,
                                          .requests_per_s = plant->options.requests_per_s,
                                          .filled = filled,
                                          .spare = spare,
                                          .arg = plant};
    return pacer_new(&options);
}

void pagekeep_recall(struct follow *follow)
{
    char operator_key[PACE_OPERATOR_MAX];
    const struct ctlog *log = &follow->log;
    opkey_of(log->operator_key, log->url, operator_key);
    const struct opkey_known *known = opkey_known(operator_key);
    if (log->page != 0)
        plan_recall(&follow->plan, log->page, log->page_align);
    else if (known != NULL && known->page != 0)
        plan_recall(&follow->plan, known->page, known->align);
    follow->page_kept = log->page;
    follow->align_kept = log->page_align;
}
