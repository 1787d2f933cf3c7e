#include "watcher/deliver.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/rate.h"
#include "base/say.h"
#include "base/thread.h"
#include "db/db_outbox.h"
#include "db/db_outbox_many.h"
#include "db/db_outbox_one.h"
#include "watcher/chanrule.h"
#include "watcher/courier.h"

#define POLL_DEFAULT_MS  1000
#define RECONNECT_MS     1000
#define RECONNECT_MS_MAX 30000

static const int64_t backoff_default_ms[] = {60000, 300000, 1800000, 7200000};

struct worker {
    struct deliver *deliver;
    struct channel *channel;
    struct pgconn *conn;
    struct courier courier;
    struct thread thread;
    struct rate_backoff reconnect;
    atomic_uint_fast64_t quiet; /* passes that found nothing due */
    atomic_bool down;           /* the database did not answer */
};

struct deliver {
    char *dsn;
    struct worker *workers;
    size_t count;
    int64_t poll_ms;
    int64_t backoff_ms[DELIVER_BACKOFF_MAX];
    size_t backoff_count;
    int32_t tries_max;
    atomic_bool stop;
    struct lock lock;
    struct signal_cond wake;
};

static void rest(struct worker *worker, int64_t wait_ms)
{
    struct deliver *deliver = worker->deliver;
    thread_lock(&deliver->lock);
    if (!atomic_load(&deliver->stop))
        (void)thread_cond_wait_ms(&deliver->wake, &deliver->lock, wait_ms);
    thread_unlock(&deliver->lock);
}

/* A bad world: said once per outage, then waited for. */
static void recover(struct worker *worker, const struct err *why)
{
    if (worker->reconnect.wait_ms == 0)
        say_warn("deliver", "channel=%s %s; alerts wait", worker->channel->name, why->text);
    rest(worker, rate_backoff_next(&worker->reconnect));
    if (why->code == ERR_DB_DOWN && !atomic_load(&worker->deliver->stop) &&
        pgconn_reopen(worker->conn, NULL) != ERR_OK)
        say_debug("deliver", "channel=%s still no database", worker->channel->name);
}

static void work(void *arg)
{
    struct worker *worker = arg;
    while (!atomic_load(&worker->deliver->stop)) {
        struct err why = {0};
        bool worked = false;
        enum err_code code = courier_pass(&worker->courier, &worked, &why);
        atomic_store(&worker->down, code != ERR_OK);
        if (code != ERR_OK) {
            recover(worker, &why);
            continue;
        }
        if (worker->reconnect.wait_ms != 0)
            say_info("deliver", "channel=%s the database is back", worker->channel->name);
        rate_backoff_reset(&worker->reconnect);
        if (worked)
            continue;
        atomic_fetch_add(&worker->quiet, 1);
        rest(worker, worker->deliver->poll_ms);
    }
}

static void settings(struct deliver *deliver, const struct deliver_options *options)
{
    const int64_t *backoff = options->backoff_ms != NULL ? options->backoff_ms : backoff_default_ms;
    size_t count = options->backoff_ms != NULL ? options->backoff_count : countof(backoff_default_ms);
    must(count >= 1 && count <= DELIVER_BACKOFF_MAX);
    memcpy(deliver->backoff_ms, backoff, count * sizeof *backoff);
    deliver->backoff_count = count;
    deliver->poll_ms = options->poll_ms > 0 ? options->poll_ms : POLL_DEFAULT_MS;
    deliver->tries_max = options->tries_max > 0 ? options->tries_max : LIMIT_DELIVERY_TRIES;
    deliver->count = options->channel_count;
    for (size_t i = 0; i < options->channel_count; i++) {
        struct worker *worker = &deliver->workers[i];
        worker->deliver = deliver;
        worker->channel = options->channels[i];
        worker->channel->stop = &deliver->stop;
        worker->courier = (struct courier){.channel = worker->channel,
                                           .backoff_ms = deliver->backoff_ms,
                                           .backoff_count = deliver->backoff_count,
                                           .tries_max = deliver->tries_max,
                                           .stop = &deliver->stop};
        rate_backoff_init(&worker->reconnect, RECONNECT_MS, RECONNECT_MS_MAX, (uint64_t)clock_mono_ns() + i);
    }
}

/* Only the database knows time zones. */
static enum err_code zone_known(struct worker *worker, struct err *why)
{
    int64_t quiet_ms;
    int64_t digest_ms;
    struct db_channel_hours hours = worker->channel->rule->hours;
    if (hours.quiet_first < 0 && hours.digest_at < 0)
        return ERR_OK;
    enum err_code code = db_channel_state_hours(worker->conn, &hours, &quiet_ms, &digest_ms, why);
    return code == ERR_CONFIG ? err_prefix(why, "channel %s", worker->channel->name) : code;
}

static enum err_code start_workers(struct deliver *deliver, struct err *why)
{
    for (size_t i = 0; i < deliver->count; i++) {
        struct worker *worker = &deliver->workers[i];
        enum err_code code = pgconn_open(deliver->dsn, &worker->conn, why);
        if (code == ERR_OK)
            code = db_outbox_channel(worker->conn, worker->channel->name, why);
        if (code == ERR_OK && worker->channel->rule != NULL)
            code = zone_known(worker, why);
        if (code != ERR_OK)
            return code;
        worker->courier.conn = worker->conn;
    }
    for (size_t i = 0; i < deliver->count; i++) {
        if (!thread_start(&deliver->workers[i].thread, "deliver", work, &deliver->workers[i]))
            return err_set(why, ERR_SYSTEM, "no thread for the channel %s",
                           deliver->workers[i].channel->name);
    }
    return ERR_OK;
}

enum err_code deliver_start(const struct deliver_options *options, struct deliver **out, struct err *why)
{
    struct deliver *deliver = calloc(1, sizeof *deliver);
    *out = NULL;
    must(deliver != NULL);
    thread_lock_init(&deliver->lock);
    thread_cond_init(&deliver->wake);
    deliver->workers = calloc(options->channel_count + 1, sizeof *deliver->workers);
    deliver->dsn = strdup(options->dsn);
    must(deliver->workers != NULL && deliver->dsn != NULL);
    settings(deliver, options);
    enum err_code code = start_workers(deliver, why);
    if (code == ERR_OK)
        *out = deliver;
    else
        deliver_stop(deliver);
    return code;
}

void deliver_stop(struct deliver *deliver)
{
    if (deliver == NULL)
        return;
    thread_lock(&deliver->lock);
    atomic_store(&deliver->stop, true);
    thread_cond_broadcast(&deliver->wake);
    thread_unlock(&deliver->lock);
    for (size_t i = 0; i < deliver->count; i++) {
        struct worker *worker = &deliver->workers[i];
        thread_join(&worker->thread);
        if (worker->conn != NULL)
            pgconn_free(worker->conn);
        channel_free(worker->channel);
    }
    thread_cond_fini(&deliver->wake);
    thread_lock_fini(&deliver->lock);
    free(deliver->workers);
    free(deliver->dsn);
    free(deliver);
}

/* Every worker has to find nothing twice: the first empty look may have begun before the caller's alerts
 * came. */
bool deliver_idle(struct deliver *deliver, int64_t wait_ms)
{
    int64_t until_ms = clock_mono_ms() + wait_ms;
    for (size_t i = 0; i < deliver->count; i++) {
        struct worker *worker = &deliver->workers[i];
        uint64_t begin = atomic_load(&worker->quiet);
        while (atomic_load(&worker->quiet) < begin + 2) {
            if (clock_mono_ms() >= until_ms)
                return false;
            thread_lock(&deliver->lock);
            thread_cond_broadcast(&deliver->wake);
            thread_unlock(&deliver->lock);
            clock_sleep_ms(10);
        }
    }
    return true;
}

bool deliver_down(const struct deliver *deliver)
{
    for (size_t i = 0; i < deliver->count; i++)
        if (atomic_load(&deliver->workers[i].down))
            return true;
    return false;
}

uint64_t deliver_refused(const struct deliver *deliver)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < deliver->count; i++)
        sum += atomic_load(&deliver->workers[i].courier.refused);
    return sum;
}

struct sending {
    struct channel *channel;
    const char *key;
    struct err *failure; /* of the receiver */
    bool sent;
};

static enum err_code send_row(void *arg, const struct db_alert_row *row, struct err *why)
{
    struct sending *sending = arg;
    (void)why;
    courier_send(sending->channel, row, sending->key, sending->failure);
    sending->sent = sending->failure->code == ERR_OK;
    if (sending->sent && sending->channel->ops->over != NULL)
        courier_over(sending->channel, row, sending->failure);
    return ERR_OK;
}

enum err_code deliver_one(struct pgconn *conn, struct channel *channel, int64_t alert,
                          enum deliver_outcome *outcome, struct err *failure, struct err *why)
{
    struct db_outbox_item item;
    bool claimed = false;
    *outcome = DELIVER_ELSEWHERE;
    enum err_code code =
        db_outbox_one(conn, alert, channel->name, courier_lease_ms(channel), &item, &claimed, why);
    if (code != ERR_OK || !claimed)
        return code;
    struct sending sending = {channel, item.key, failure, false};
    code = db_alert_show(conn, alert, send_row, &sending, why);
    if (code != ERR_OK)
        return code;
    *outcome = sending.sent ? DELIVER_SENT : DELIVER_REFUSED;
    const struct db_outbox_terms terms = {.open_there = failure->code != ERR_OK};
    if (sending.sent)
        return db_outbox_many_sent(conn, &item, 1, &terms, why);
    return db_outbox_failed(conn, &item, failure->text, backoff_default_ms[0], false, why);
}
