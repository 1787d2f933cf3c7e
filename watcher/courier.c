#include "watcher/courier.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/metric.h"
#include "base/say.h"
#include "base/text.h"
#include "db/db_channel.h"
#include "db/db_incident.h"
#include "db/db_letter.h"
#include "db/db_outbox_many.h"
#include "db/dbkey.h"
#include "watcher/chanrule.h"
#include "watcher/message.h"

#define LEASE_SPARE_MS 30000
#define FLUSH_MS       250 /* what a killed process may send twice */
#define ADOPT_PASSES   15
#define FAILURES_CALM  3 /* in a row: the receiver, not the alert, is what fails */
#define RETRY_MS_MAX   3600000

/* Claimed rows of one fate. */
struct heap {
    struct db_outbox_item items[LIMIT_CLAIMED];
    size_t count;
};

struct round {
    struct courier *courier;
    const struct db_outbox_item *items;
    size_t count;
    bool seen[LIMIT_CLAIMED];
    int64_t quiet_ms;
    int64_t digest_ms;
    int64_t lease_end_ms; /* monotonic */
    int64_t flushed_ms;
    int64_t sending_ms; /* what the receiver took, in all */
    struct heap sent;
    struct heap filtered[2]; /* by reason, most rows have the same */
    const char *reason[2];
    struct heap quiet;
    struct heap later; /* for the next digest */
    struct heap back;  /* not tried */
    struct heap gathered;
    struct channel_gathered digest[LIMIT_CLAIMED];
};

int64_t courier_lease_ms(const struct channel *channel)
{
    return channel->send_ms_max + LEASE_SPARE_MS;
}

static void heap_put(struct heap *heap, const struct db_outbox_item *item)
{
    must(heap->count < LIMIT_CLAIMED);
    heap->items[heap->count++] = *item;
}

static enum err_code texts(const struct db_alert_row *row, char **json, char **line, struct err *why)
{
    enum err_code code = message_json(row, false, json, why);
    if (code == ERR_OK)
        code = message_line(row, line, why);
    return code;
}

/* What other channels had of it is not a receiver's business; that nobody answered there is. */
static void send_as(struct channel *channel, const struct db_alert_row *row, const char *event,
                    const char *key, struct err *failure)
{
    char *json = NULL;
    char *line = NULL;
    struct db_alert_row shown = *row;
    shown.event = event;
    shown.delivery_count = channel->whole ? row->delivery_count : 0;
    channel->retry_ms = 0;
    if (texts(&shown, &json, &line, failure) == ERR_OK) {
        struct channel_message message = {&shown, json, line, key};
        (void)channel->ops->send(channel, &message, failure);
    }
    free(json);
    free(line);
}

void courier_send(struct channel *channel, const struct db_alert_row *row, const char *key,
                  struct err *failure)
{
    send_as(channel, row, row->event, key, failure);
}

/* What was accepted is written down together; the receiver works. */
static enum err_code flush_sent(struct round *round, struct err *why)
{
    struct courier *courier = round->courier;
    const struct chanrule *rule = courier->channel->rule;
    const struct db_outbox_terms terms = {.escalate_ms = rule == NULL ? 0 : rule->escalate_ms,
                                          .open_there = courier->channel->ops->over != NULL};
    bool over = false;
    round->flushed_ms = clock_mono_ms();
    if (round->sent.count == 0)
        return ERR_OK;
    enum err_code code =
        db_outbox_many_sent(courier->conn, round->sent.items, round->sent.count, &terms, why);
    if (code == ERR_OK) {
        metric_add(METRIC_DELIVERIES_TOTAL, round->sent.count);
        round->sent.count = 0;
        code = db_channel_state_worked(courier->conn, courier->channel->name, &over, why);
    }
    if (over)
        say_info("deliver", "channel=%s takes alerts again", courier->channel->name);
    return code;
}

static int64_t backoff_of(const struct courier *courier, int32_t tries)
{
    size_t at = tries < 0 ? 0 : (size_t)tries;
    return courier->backoff_ms[at < courier->backoff_count ? at : courier->backoff_count - 1];
}

/* The pause of the whole channel: none while it is one alert that fails. */
static void calm_down(struct courier *courier)
{
    int64_t most = courier->backoff_ms[0] < LIMIT_CHANNEL_PAUSE_S * 1000 ? courier->backoff_ms[0]
                                                                         : LIMIT_CHANNEL_PAUSE_S * 1000;
    int64_t pause = 0;
    if (courier->failures < UINT32_MAX)
        courier->failures++;
    if (courier->failures >= FAILURES_CALM) {
        unsigned doubled = courier->failures - FAILURES_CALM;
        pause = doubled >= 6 ? most : (most / 60) << doubled;
    }
    if (pause > most)
        pause = most;
    if (courier->channel->retry_ms > pause)
        pause = courier->channel->retry_ms;
    courier->pause_until_ms = clock_mono_ms() + pause;
    courier->batch = 1;
}

static void say_failed(const struct courier *courier, const struct db_outbox_item *item, size_t count,
                       const struct err *failure)
{
    if (item->tries + 1 >= courier->tries_max)
        say_error("deliver",
                  "channel=%s alert=%" PRId64 " given up after %d tries: %s; try again with 'alert retry'",
                  item->channel, item->alert, (int)item->tries + 1, failure->text);
    else
        say_warn("deliver", "channel=%s alert=%" PRId64 "%s try %d failed: %s", item->channel, item->alert,
                 count > 1 ? " and others" : "", (int)item->tries + 1, failure->text);
}

static enum err_code failed(struct courier *courier, const struct db_outbox_item *items, size_t count,
                            const struct err *failure, struct err *why)
{
    int64_t wait_ms = backoff_of(courier, items[0].tries);
    int64_t wish_ms = courier->channel->retry_ms < RETRY_MS_MAX ? courier->channel->retry_ms : RETRY_MS_MAX;
    const struct chanrule *rule = courier->channel->rule;
    const struct db_outbox_refusal refusal = {.error = failure->text,
                                              .retry_ms = wait_ms > wish_ms ? wait_ms : wish_ms,
                                              .tries_max = courier->tries_max,
                                              .hand_on = rule != NULL && rule->escalate_ms != 0};
    bool letters = false;
    bool raised = false;
    if (atomic_load(courier->stop)) /* cut off by us: due for the next one */
        return db_outbox_many_released(courier->conn, items, count, why);
    atomic_fetch_add(&courier->refused, count);
    metric_add(METRIC_DELIVERIES_FAILED_TOTAL, count);
    say_failed(courier, &items[0], count, failure);
    calm_down(courier);
    enum err_code code = db_letter_failed(courier->conn, items, count, &refusal, &letters, why);
    if (code == ERR_OK)
        code = db_channel_state_failed(courier->conn, courier->channel->name, failure->text, &raised, why);
    if (letters)
        say_error("deliver",
                  "channel=%s deliveries were given up; an alert says so until somebody sees to them",
                  courier->channel->name);
    if (raised)
        say_error("deliver", "channel=%s is failing; an alert says so to the others", courier->channel->name);
    return code;
}

static void filter(struct round *round, const struct db_outbox_item *item, const char *reason)
{
    size_t at = round->reason[0] == NULL || round->reason[0] == reason ? 0 : 1;
    if (round->reason[at] != NULL && round->reason[at] != reason)
        reason = "not for this channel";
    round->reason[at] = reason;
    heap_put(&round->filtered[at], item);
}

static enum err_code gather(struct round *round, const struct db_outbox_item *item,
                            const struct db_alert_row *row, struct err *why)
{
    struct channel_gathered *one = &round->digest[round->gathered.count];
    struct err failure = {0};
    *one = (struct channel_gathered){.id = row->id};
    (void)snprintf(one->severity, sizeof one->severity, "%s", row->severity);
    if (texts(row, &one->json, &one->line, &failure) == ERR_OK) {
        heap_put(&round->gathered, item);
        return ERR_OK;
    }
    free(one->json);
    free(one->line);
    return failed(round->courier, item, 1, &failure, why);
}

static bool may_go_on(const struct round *round)
{
    const struct courier *courier = round->courier;
    int64_t now_ms = clock_mono_ms();
    return !atomic_load(courier->stop) && now_ms >= courier->pause_until_ms &&
           now_ms + courier->channel->send_ms_max < round->lease_end_ms;
}

static enum err_code send_one(struct round *round, const struct db_outbox_item *item,
                              const struct db_alert_row *row, struct err *why)
{
    struct courier *courier = round->courier;
    struct err failure = {0};
    if (!may_go_on(round)) {
        heap_put(&round->back, item);
        return ERR_OK;
    }
    int64_t begun_ms = clock_mono_ms();
    send_as(courier->channel, row, item->handed ? "handed_on" : row->event, item->key, &failure);
    round->sending_ms += clock_mono_ms() - begun_ms;
    if (failure.code != ERR_OK) {
        enum err_code code = flush_sent(round, why);
        return code == ERR_OK ? failed(courier, item, 1, &failure, why) : code;
    }
    courier->failures = 0;
    heap_put(&round->sent, item);
    return clock_mono_ms() - round->flushed_ms >= FLUSH_MS ? flush_sent(round, why) : ERR_OK;
}

/* The fate of one claimed row. */
static enum err_code judge(void *arg, const struct db_alert_row *row, struct err *why)
{
    struct round *round = arg;
    const struct channel *channel = round->courier->channel;
    size_t at = 0;
    while (at < round->count && round->items[at].alert != row->id)
        at++;
    must(at < round->count);
    const struct db_outbox_item *item = &round->items[at];
    round->seen[at] = true;
    const char *reason = chanrule_refuses(channel->rule, row, item->handed);
    bool urgent = chanrule_urgent(row, item->handed);
    if (reason != NULL)
        filter(round, item, reason);
    else if (!urgent && round->quiet_ms > 0)
        heap_put(&round->quiet, item);
    else if (!urgent && round->digest_ms > 0 && channel->ops->send_digest != NULL && !item->held)
        heap_put(&round->later, item);
    else if (!urgent && round->digest_ms > 0 && channel->ops->send_digest != NULL)
        return gather(round, item, row, why);
    else
        return send_one(round, item, row, why);
    return ERR_OK;
}

static void digest_key(const struct heap *heap, char out[65])
{
    struct buf keys;
    uint8_t sha256[32];
    buf_init(&keys, LIMIT_CLAIMED * DB_OUTBOX_KEY_MAX);
    for (size_t i = 0; i < heap->count; i++)
        buf_str(&keys, heap->items[i].key);
    dbkey_sha256(buf_span(&keys), sha256);
    (void)text_hex(span_of(sha256, 16), out);
    buf_fini(&keys);
}

static enum err_code send_digest(struct round *round, struct err *why)
{
    struct courier *courier = round->courier;
    struct err failure = {0};
    char key[65];
    if (round->gathered.count == 0)
        return ERR_OK;
    if (!may_go_on(round))
        return db_outbox_many_released(courier->conn, round->gathered.items, round->gathered.count, why);
    digest_key(&round->gathered, key);
    const struct channel_digest digest = {round->digest, round->gathered.count, key};
    courier->channel->retry_ms = 0;
    int64_t begun_ms = clock_mono_ms();
    (void)courier->channel->ops->send_digest(courier->channel, &digest, &failure);
    round->sending_ms += clock_mono_ms() - begun_ms;
    if (failure.code != ERR_OK)
        return failed(courier, round->gathered.items, round->gathered.count, &failure, why);
    courier->failures = 0;
    round->sent = round->gathered;
    return flush_sent(round, why);
}

static enum err_code close_round(struct round *round, struct err *why)
{
    struct pgconn *conn = round->courier->conn;
    enum err_code code = flush_sent(round, why);
    if (code == ERR_OK)
        code = send_digest(round, why);
    for (size_t i = 0; i < countof(round->filtered) && code == ERR_OK; i++)
        code = db_outbox_many_filtered(conn, round->filtered[i].items, round->filtered[i].count,
                                       round->reason[i] == NULL ? "" : round->reason[i], why);
    if (code == ERR_OK)
        code = db_outbox_many_held(conn, round->quiet.items, round->quiet.count, "held back: quiet hours",
                                   round->quiet_ms, why);
    if (code == ERR_OK)
        code = db_outbox_many_held(conn, round->later.items, round->later.count,
                                   "held back: for the next digest", round->digest_ms, why);
    if (code == ERR_OK)
        code = db_outbox_many_released(conn, round->back.items, round->back.count, why);
    return code;
}

static enum err_code carry(struct round *round, struct err *why)
{
    struct courier *courier = round->courier;
    int64_t ids[LIMIT_CLAIMED] = {0};
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < round->count; i++)
        ids[i] = round->items[i].alert;
    if (!courier->channel->whole)
        return db_alert_some(courier->conn, ids, round->count, judge, round, why);
    for (size_t i = 0; i < round->count && code == ERR_OK; i++) {
        struct err own = {0};
        code = db_alert_show(courier->conn, ids[i], judge, round, &own);
        if (code == ERR_NOT_FOUND) /* gone with all its rows */
            code = ERR_OK;
        if (code != ERR_OK)
            code = err_set(why, code, "%s", own.text);
    }
    return code;
}

/* As many at once as the receiver takes in a quarter of a second; a slow one has one. What the database takes
 * does not count: it is the same for one as for many, and where the machine is busy one by one would never
 * come to an end. */
static void learn(struct courier *courier, int64_t took_ms, size_t count)
{
    size_t most = courier->channel->whole ? LIMIT_CLAIMED / 8 : LIMIT_CLAIMED;
    if (count == courier->batch && took_ms < FLUSH_MS && courier->failures == 0)
        courier->batch = 2 * courier->batch < most ? 2 * courier->batch : most;
    else if (took_ms > 2 * FLUSH_MS && courier->batch > 1)
        courier->batch /= 2;
}

static enum err_code deliver(struct courier *courier, const struct db_outbox_item *items, size_t count,
                             const int64_t waits_ms[2], int64_t lease_end_ms, struct err *why)
{
    struct round *round = calloc(1, sizeof *round);
    must(round != NULL);
    round->courier = courier;
    round->items = items;
    round->count = count;
    round->quiet_ms = waits_ms[0];
    round->digest_ms = waits_ms[1];
    round->flushed_ms = clock_mono_ms();
    round->lease_end_ms = lease_end_ms;
    enum err_code code = carry(round, why);
    struct err closing = {0};
    enum err_code closed = close_round(round, &closing);
    if (code == ERR_OK && closed != ERR_OK)
        code = err_set(why, closed, "%s", closing.text);
    learn(courier, round->sending_ms, count);
    for (size_t i = 0; i < round->gathered.count; i++) {
        free(round->digest[i].json);
        free(round->digest[i].line);
    }
    free(round);
    return code;
}

void courier_over(struct channel *channel, const struct db_alert_row *row, struct err *failure)
{
    char *json = NULL;
    char *line = NULL;
    channel->retry_ms = 0;
    if (texts(row, &json, &line, failure) == ERR_OK) {
        struct channel_message message = {row, json, line, ""};
        (void)channel->ops->over(channel, &message, failure);
    }
    free(json);
    free(line);
}

struct ending {
    struct channel *channel;
    struct err *failure;
};

static enum err_code end_incident(void *arg, const struct db_alert_row *row, struct err *why)
{
    struct ending *ending = arg;
    (void)why;
    courier_over(ending->channel, row, ending->failure);
    return ERR_OK;
}

static enum err_code not_ended(struct courier *courier, const struct db_incident *incident,
                               const struct err *failure, struct err *why)
{
    int64_t wait_ms = backoff_of(courier, incident->tries);
    int64_t wish_ms = courier->channel->retry_ms < RETRY_MS_MAX ? courier->channel->retry_ms : RETRY_MS_MAX;
    bool never = incident->tries + 1 >= courier->tries_max;
    if (atomic_load(courier->stop))
        return db_incident_failed(courier->conn, incident, 0, false, why);
    calm_down(courier);
    say_warn("deliver", "channel=%s alert=%" PRId64 " its incident could not be ended%s: %s",
             courier->channel->name, incident->alert, never ? ", and is left to its readers" : "",
             failure->text);
    return db_incident_failed(courier->conn, incident, wait_ms > wish_ms ? wait_ms : wish_ms, never, why);
}

/* An incident at the receiver whose alert is over; one a pass, the rest at the next. The lease is what keeps
 * a receiver from being asked again and again while the database takes no answer. */
static enum err_code end_one(struct courier *courier, bool *worked, struct err *why)
{
    struct err failure = {0};
    struct ending ending = {courier->channel, &failure};
    struct db_incident incident;
    enum err_code code = db_incident_claim(courier->conn, courier->channel->name,
                                           courier_lease_ms(courier->channel), &incident, why);
    if (code != ERR_OK || incident.id == 0)
        return code;
    code = db_alert_some(courier->conn, &incident.alert, 1, end_incident, &ending, why);
    if (code != ERR_OK)
        return code;
    if (failure.code != ERR_OK)
        return not_ended(courier, &incident, &failure, why);
    courier->failures = 0;
    *worked = true;
    return db_incident_ended(courier->conn, &incident, why);
}

/* What is to be done when nothing is due. */
static enum err_code look_around(struct courier *courier, bool *worked, struct err *why)
{
    enum err_code code = ERR_OK;
    uint64_t count = 0;
    uint64_t closed = 0;
    if (courier->idle++ % ADOPT_PASSES == 0) {
        code = db_outbox_adopt(courier->conn, &count, why);
        if (code == ERR_OK)
            code = db_letter_settle(courier->conn, courier->channel->name, &closed, why);
    }
    *worked = count != 0;
    if (code == ERR_OK && courier->channel->ops->over != NULL)
        code = end_one(courier, worked, why);
    return code;
}

static enum err_code hand_on(struct courier *courier, struct err *why)
{
    const struct chanrule *rule = courier->channel->rule;
    uint64_t count = 0;
    if (rule == NULL || rule->escalate_ms == 0)
        return ERR_OK;
    enum err_code code =
        db_outbox_many_escalate(courier->conn, courier->channel->name, rule->escalate_to, &count, why);
    if (count != 0)
        say_info("deliver", "channel=%s alerts=%" PRIu64 " nobody acknowledged in time go to channel %s",
                 courier->channel->name, count, rule->escalate_to);
    return code;
}

enum err_code courier_pass(struct courier *courier, bool *worked, struct err *why)
{
    struct db_outbox_item items[LIMIT_CLAIMED];
    const struct chanrule *rule = courier->channel->rule;
    int64_t waits_ms[2] = {0, 0};
    size_t count = 0;
    *worked = false;
    enum err_code code = db_channel_heard(courier->conn, courier->channel->name, why);
    if (code == ERR_OK)
        code = hand_on(courier, why);
    if (code != ERR_OK || clock_mono_ms() < courier->pause_until_ms)
        return code;
    if (rule != NULL &&
        (rule->hours.quiet_first >= 0 || rule->hours.digest_at >= 0 || rule->hours.digest_every > 0))
        code = db_channel_state_hours(courier->conn, &rule->hours, &waits_ms[0], &waits_ms[1], why);
    if (courier->batch == 0)
        courier->batch = 1;
    size_t most = waits_ms[1] > 0 ? LIMIT_CLAIMED : courier->batch;
    /* The server reckons from when it claims them, and its answer may come late. */
    int64_t lease_end_ms = clock_mono_ms() + courier_lease_ms(courier->channel);
    if (code == ERR_OK)
        code = db_outbox_claim(courier->conn, courier->channel->name, courier_lease_ms(courier->channel),
                               items, most, &count, why);
    if (code == ERR_OK && count == 0)
        return look_around(courier, worked, why);
    if (code == ERR_OK)
        code = deliver(courier, items, count, waits_ms, lease_end_ms, why);
    *worked = count != 0;
    return code;
}
