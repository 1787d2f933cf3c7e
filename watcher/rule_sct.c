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

/* What is wrong. */
enum form { FORM_MISSING, FORM_PLACE, FORM_SHORT, FORM_OTHER, FORM_COUNT };

static const char *const sentences[FORM_COUNT] = {
    [FORM_MISSING] = "what it took in by then was read and verified, and the entry is not there: ",
    [FORM_PLACE] = "that place was read and verified, and another entry is there: ",
    [FORM_SHORT] = "the tree that it signed after its merge delay ends before that place: ",
    [FORM_OTHER] = "it has the precertificate, but not as it promised: ",
};

static void put_promise(struct buf *out, const struct sctlist_item *sct, const struct db_sct_log *log)
{
    char name[256];
    char taken[TEXT_TIME_MAX];
    buf_fmt(out, "log %s", text_visible_str(span_str(log->log.name), name, sizeof name));
    if (sct->leaf_index >= 0)
        buf_fmt(out, ", as entry %" PRId64, sct->leaf_index);
    buf_fmt(out, ", by its SCT of %s", text_time((int64_t)sct->timestamp_ms, true, taken));
}

static struct span expected_text(struct rule *rule, const struct sctlist_item *sct,
                                 const struct db_sct_log *log)
{
    struct buf text;
    char due[TEXT_TIME_MAX];
    buf_init(&text, RULE_TEXT_MAX);
    buf_str(&text, "an entry in ");
    put_promise(&text, sct, log);
    if (sct->leaf_index < 0)
        buf_fmt(&text, ", by %s", text_time(log->due_ms, false, due));
    return rule_keep(rule, &text);
}

static struct span found_text(struct rule *rule, const struct sctlist_item *sct, const struct db_sct_log *log,
                              enum form form)
{
    struct buf text;
    char hex[65];
    buf_init(&text, RULE_TEXT_MAX);
    buf_str(&text, sentences[form]);
    put_promise(&text, sct, log);
    buf_fmt(&text, " (log_id:%s)", text_hex(span_of(log->log.log_id, 32), hex));
    return rule_keep(rule, &text);
}

struct span rule_sct_found(struct rule *rule, const struct sctlist_item *sct,
                           const struct rule_sct_verdict *verdict)
{
    enum form form = sct->leaf_index < 0 ? FORM_MISSING : verdict->log->at_read ? FORM_PLACE : FORM_SHORT;
    return found_text(rule, sct, verdict->log, verdict->state == RULE_SCT_OTHER ? FORM_OTHER : form);
}

void rule_sct_add(struct rule *rule, const struct sctlist_item *sct, const struct rule_sct_verdict *verdict)
{
    bool other = verdict->state == RULE_SCT_OTHER;
    struct alert_finding *finding =
        rule_add(rule, ALERT_KIND_SCT_NOT_INCORPORATED, other ? "sct_other" : "sct",
                 expected_text(rule, sct, verdict->log), rule_sct_found(rule, sct, verdict));
    if (other && rule->what->watch->severity[ALERT_KIND_SCT_NOT_INCORPORATED] == 0)
        finding->severity = ALERT_LOW;
}

size_t rule_sct_texts(struct rule *rule, const struct sctlist_item *sct, const struct db_sct_log *log,
                      enum rule_sct_state state, struct span out[RULE_SCT_TEXTS])
{
    bool broken = state == RULE_SCT_OPEN || state == RULE_SCT_BROKEN;
    bool other = state == RULE_SCT_OPEN || state == RULE_SCT_OTHER;
    bool placed = sct->leaf_index >= 0;
    const bool may[FORM_COUNT] = {
        [FORM_MISSING] = broken && !placed,
        [FORM_PLACE] = broken && placed,
        [FORM_SHORT] = broken && placed,
        [FORM_OTHER] = other,
    };
    size_t count = 0;
    for (int form = 0; form < FORM_COUNT; form++)
        if (may[form])
            out[count++] = found_text(rule, sct, log, (enum form)form);
    return count;
}
