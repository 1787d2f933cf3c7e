#include "watcher/rule_sct.h"

#include "base/text.h"

static bool is_promised(const struct sctlist_item *sct, const struct sighting *place)
{
    return place->timestamp_ms == (int64_t)sct->timestamp_ms &&
           (sct->leaf_index < 0 || place->index == (uint64_t)sct->leaf_index);
}

/* Is all read that could be the entry? */
static bool is_read(const struct sctlist_item *sct, const struct db_sct_log *log)
{
    bool by_then = log->judged && log->whole;
    return sct->leaf_index < 0 ? by_then
                               : log->at_read || (by_then && log->due_size <= (uint64_t)sct->leaf_index);
}

static struct rule_sct_verdict in_log(const struct sctlist_item *sct, const struct db_sct_log *log,
                                      const struct sighting *places, size_t place_count)
{
    struct rule_sct_verdict verdict = {.state = RULE_SCT_OPEN, .log = log};
    bool elsewhere = false;
    for (size_t i = 0; i < place_count; i++) {
        if (places[i].log_id != log->log.id || places[i].form != ISSUANCE_PRECERT)
            continue;
        if (is_promised(sct, &places[i])) {
            verdict.state = RULE_SCT_KEPT;
            verdict.index = places[i].index;
            return verdict;
        }
        elsewhere = true;
    }
    if (is_read(sct, log))
        verdict.state = elsewhere ? RULE_SCT_OTHER : RULE_SCT_BROKEN;
    return verdict;
}

struct rule_sct_verdict rule_sct_judge(const struct sctlist_item *sct, const struct db_sct_log *logs,
                                       size_t log_count, const struct sighting *places, size_t place_count)
{
    struct rule_sct_verdict best = {.state = RULE_SCT_OPEN};
    for (size_t i = 0; i < log_count; i++) {
        struct rule_sct_verdict one = in_log(sct, &logs[i], places, place_count);
        if (best.log == NULL || one.state > best.state)
            best = one;
    }
    return best;
}

static void put_promise(struct buf *out, const struct sctlist_item *sct, const struct db_sct_log *log)
{
    char name[256];
    char taken[TEXT_TIME_MAX];
    char due[TEXT_TIME_MAX];
    buf_fmt(out, "log %s", text_visible_str(span_str(log->log.name), name, sizeof name));
    if (sct->leaf_index >= 0)
        buf_fmt(out, ", as entry %" PRId64, sct->leaf_index);
    buf_fmt(out, ", by its SCT of %s", text_time((int64_t)sct->timestamp_ms, true, taken));
    if (sct->leaf_index < 0)
        buf_fmt(out, ", by %s", text_time(log->due_ms, false, due));
}

void rule_sct_add(struct rule *rule, const struct sctlist_item *sct, const struct rule_sct_verdict *verdict)
{
    struct buf expected;
    struct buf found;
    bool other = verdict->state == RULE_SCT_OTHER;
    buf_init(&expected, RULE_TEXT_MAX);
    buf_init(&found, RULE_TEXT_MAX);
    buf_str(&expected, "an entry in ");
    put_promise(&expected, sct, verdict->log);
    buf_str(&found, other ? "it has the precertificate, but not as it promised: "
                          : "what it took in by then was read and verified, and the entry is not there: ");
    put_promise(&found, sct, verdict->log);
    struct alert_finding *finding =
        rule_add(rule, ALERT_KIND_SCT_NOT_INCORPORATED, other ? "sct_other" : "sct",
                 rule_keep(rule, &expected), rule_keep(rule, &found));
    if (other && rule->what->watch->severity[ALERT_KIND_SCT_NOT_INCORPORATED] == 0)
        finding->severity = ALERT_LOW;
}
