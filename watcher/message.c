#include "watcher/message.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "model/advice.h"

#define PAGE_MAX        (1u << 20)
#define SHORT_MAX       4096 /* of one text in a line or page */
#define OTHER_KINDS_MAX 4    /* named in a line beside its own */

static json_t *string_or_null(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

static json_t *time_json(int64_t unix_ms)
{
    char text[TEXT_TIME_MAX];
    return json_string(text_time(unix_ms, unix_ms % 1000 != 0, text));
}

static json_t *parsed(const char *text)
{
    json_t *value = text == NULL ? NULL : json_loads(text, JSON_DECODE_ANY, NULL);
    return value == NULL ? json_null() : value;
}

static json_t *sightings_json(const struct db_alert_row *row)
{
    json_t *list = json_array();
    for (size_t i = 0; i < row->sighting_count; i++) {
        const struct db_alert_sighting *s = &row->sightings[i];
        json_t *one =
            json_pack("{s:s, s:I, s:s, s:o, s:b}", "log", s->log, "index", (json_int_t)s->index, "form",
                      s->form, "time", time_json(s->timestamp_ms), "verified", (int)s->verified);
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *deliveries_json(const struct db_alert_row *row)
{
    json_t *list = json_array();
    for (size_t i = 0; i < row->delivery_count; i++) {
        const struct db_alert_delivery *d = &row->deliveries[i];
        json_t *one = json_pack("{s:s, s:s, s:i, s:s, s:o}", "channel", d->channel, "state", d->state,
                                "tries", (int)d->tries, "last_error", d->last_error, "sent",
                                d->sent_ms == 0 ? json_null() : time_json(d->sent_ms));
        if (strcmp(d->state, "pending") == 0)
            json_object_set_new(one, "next_try", time_json(d->next_try_ms));
        json_array_append_new(list, one);
    }
    return list;
}

static enum err_code dumped(json_t *object, char **json, struct err *why)
{
    *json = object == NULL ? NULL : json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(object);
    return *json != NULL ? ERR_OK : err_set(why, ERR_MEMORY, "alert: its JSON could not be made");
}

enum err_code message_json(const struct db_alert_row *row, bool deliveries, char **json, struct err *why)
{
    char fp[65];
    json_t *object = json_object();
    json_object_set_new(object, "schema", json_string("ctvigil.alert.1"));
    json_object_set_new(object, "id", json_integer(row->id));
    json_object_set_new(object, "kind", json_string(row->kind));
    json_object_set_new(object, "severity", json_string(row->severity));
    json_object_set_new(object, "domain", string_or_null(row->domain));
    if (row->domain != NULL) {
        json_object_set_new(object, "owner", string_or_null(row->owner));
        json_object_set_new(object, "tags", row->tags == NULL ? json_array() : parsed(row->tags));
    }
    if (row->log != NULL)
        json_object_set_new(object, "log", json_string(row->log));
    json_object_set_new(object, "name", string_or_null(row->name));
    json_object_set_new(object, "tbs_fp",
                        row->has_fp ? json_string(text_hex(span_of(row->tbs_fp, 32), fp)) : json_null());
    struct advice advice;
    if (advice_of(row->kind, &advice)) {
        json_object_set_new(object, "meaning", string_or_null(advice.what));
        json_object_set_new(object, "why", string_or_null(advice.why));
        json_object_set_new(object, "action", string_or_null(advice.action));
    }
    json_object_set_new(object, "findings", parsed(row->findings));
    json_object_set_new(object, "sightings", sightings_json(row));
    json_object_set_new(object, "first_seen", time_json(row->first_seen_ms));
    json_object_set_new(object, "state", json_string(row->state));
    json_object_set_new(object, "event", json_string(row->event));
    if (row->reason[0] != '\0')
        json_object_set_new(object, "reason", json_string(row->reason));
    json_t *history = parsed(row->history);
    if (json_array_size(history) != 0)
        json_object_set(object, "history", history);
    json_decref(history);
    if (row->evidence != NULL)
        json_object_set_new(object, "evidence",
                            string_or_null(row->evidence[0] == '\0' ? NULL : row->evidence));
    if (row->accounts != NULL)
        json_object_set_new(object, "accounts", parsed(row->accounts));
    if (row->issuance != NULL)
        json_object_set_new(object, "issuance", parsed(row->issuance));
    if (deliveries)
        json_object_set_new(object, "deliveries", deliveries_json(row));
    return dumped(object, json, why);
}

static void copy_member(json_t *to, const char *to_name, const json_t *from, const char *from_name)
{
    json_t *value = json_object_get(from, from_name);
    json_object_set_new(to, to_name, value == NULL ? json_null() : json_incref(value));
}

enum err_code message_certspotter(const struct db_alert_row *row, char **json, struct err *why)
{
    char fp[65];
    json_t *issuance = parsed(row->issuance);
    if (!row->has_fp || !json_is_object(issuance)) {
        json_decref(issuance);
        return err_set(why, ERR_NOT_FOUND, "alert %" PRId64 ": it is not about a certificate", row->id);
    }
    json_t *object = json_object();
    json_object_set_new(object, "tbs_sha256", json_string(text_hex(span_of(row->tbs_fp, 32), fp)));
    copy_member(object, "pubkey_sha256", issuance, "spki_sha256");
    copy_member(object, "dns_names", issuance, "names");
    copy_member(object, "ip_addresses", issuance, "ips");
    copy_member(object, "not_before", issuance, "not_before");
    copy_member(object, "not_after", issuance, "not_after");
    json_decref(issuance);
    return dumped(object, json, why);
}

static json_t *base64_json(struct span bytes)
{
    char *text = malloc(bytes.len / 3 * 4 + 8);
    if (text == NULL)
        return NULL;
    (void)text_base64(bytes, text);
    json_t *string = json_string(text);
    free(text);
    return string;
}

enum err_code message_entry(const struct db_alert_row *row, char **json, struct err *why)
{
    if (!row->has_entry)
        return err_set(why, ERR_NOT_FOUND, "alert %" PRId64 ": its entry is not at hand", row->id);
    json_t *leaf = base64_json(row->leaf);
    json_t *extra = base64_json(row->extra);
    return dumped(json_pack("{s:o, s:o}", "leaf_input", leaf, "extra_data", extra), json, why);
}

#define PEM_LINE 48 /* bytes of one: 64 digits */

enum err_code message_pem(const struct db_alert_row *row, char **text, struct err *why)
{
    char line[PEM_LINE / 3 * 4 + 4];
    struct buf pem;
    *text = NULL;
    if (row->der.len == 0)
        return err_set(why, ERR_NOT_FOUND, "alert %" PRId64 ": its certificate is not kept", row->id);
    buf_init(&pem, 2 * (size_t)LIMIT_DER_BYTES);
    buf_str(&pem, "-----BEGIN CERTIFICATE-----\n");
    for (size_t at = 0; at < row->der.len; at += PEM_LINE) {
        size_t end = at + PEM_LINE < row->der.len ? at + PEM_LINE : row->der.len;
        (void)text_base64(span_part(row->der, at, end), line);
        buf_str(&pem, line);
        buf_byte(&pem, '\n');
    }
    buf_str(&pem, "-----END CERTIFICATE-----");
    if (buf_ok(&pem))
        *text = strdup(buf_text(&pem));
    buf_fini(&pem);
    return *text != NULL ? ERR_OK : err_set(why, ERR_MEMORY, "alert %" PRId64 ": no memory", row->id);
}

bool message_has_finding(const struct db_alert_row *row, const char *finding)
{
    json_t *issuance = parsed(row->issuance);
    const json_t *list = json_object_get(issuance, "findings");
    bool has = false;
    for (size_t i = 0; i < json_array_size(list) && !has; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        has = name != NULL && strcmp(name, finding) == 0;
    }
    json_decref(issuance);
    return has;
}

const char *message_issuance(const struct db_alert_row *row, const char *member, char *out, size_t out_cap)
{
    json_t *issuance = parsed(row->issuance);
    json_t *value = json_object_get(issuance, member);
    out[0] = '\0';
    if (json_is_string(value))
        (void)snprintf(out, out_cap, "%s", json_string_value(value));
    else if (json_is_integer(value))
        (void)snprintf(out, out_cap, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    json_decref(issuance);
    return out;
}

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text == NULL ? "" : text;
}

/* What somebody who was told before has to know first. */
static const char *event_words(const struct db_alert_row *row)
{
    if (strcmp(row->event, "escalated") == 0)
        return "graver than before: ";
    if (strcmp(row->event, "handed_on") == 0)
        return "nobody acknowledged: ";
    if (strcmp(row->event, "seen_again") == 0)
        return "seen again: ";
    return strcmp(row->event, "withdrawn") == 0 ? "withdrawn: " : "";
}

/* A URI in a certificate can be as long as the certificate: a line that does not fit into memory would be
 * told to nobody. */
static void put_short(struct buf *out, const char *text)
{
    size_t len = strlen(text);
    size_t shown = len <= SHORT_MAX ? len : SHORT_MAX;
    while (shown < len && shown > 0 && ((unsigned char)text[shown] & 0xc0) == 0x80)
        shown--;
    buf_put(out, span_of((const uint8_t *)text, shown));
    if (shown < len)
        buf_str(out, "...");
}

/* The subject of the alert: whose it is and which name. */
static void put_head(struct buf *out, const struct db_alert_row *row)
{
    buf_fmt(out, "%s[%s] %s", event_words(row), row->severity, row->kind);
    if (row->domain != NULL)
        buf_fmt(out, " for %s", row->domain);
    if (row->log != NULL)
        buf_fmt(out, " at log %s", row->log);
    if (row->name != NULL && (row->domain == NULL || strcmp(row->name, row->domain) != 0)) {
        buf_str(out, " (");
        put_short(out, row->name);
        buf_byte(out, ')');
    }
}

/* The states that the present one took the place of, and what was said about them then. */
static void put_history(struct buf *out, const struct db_alert_row *row)
{
    json_t *history = parsed(row->history);
    for (size_t i = 0; i < json_array_size(history); i++) {
        const json_t *was = json_array_get(history, i);
        const char *reason = text_of(was, "reason");
        buf_fmt(out, "  %-14s %s [%s] %s until %s", "before", text_of(was, "state"), text_of(was, "severity"),
                text_of(was, "kind"), text_of(was, "at"));
        if (reason[0] != '\0') {
            buf_str(out, ": ");
            text_visible(out, span_str(reason));
        }
        buf_byte(out, '\n');
    }
    json_decref(history);
}

/* What others can check, and when it was over. */
static void put_accounts(struct buf *out, const struct db_alert_row *row)
{
    json_t *accounts = row->accounts == NULL ? NULL : parsed(row->accounts);
    for (size_t i = 0; i < json_array_size(accounts); i++) {
        const json_t *one = json_array_get(accounts, i);
        const char *proof = text_of(one, "proof");
        json_int_t id = json_integer_value(json_object_get(one, "id"));
        buf_fmt(out, "  %-14s %" JSON_INTEGER_FORMAT ", %s", "account", id, text_of(one, "kind"));
        if (strcmp(proof, "signed") == 0)
            buf_str(out, ": the log's signatures prove it");
        else if (strcmp(proof, "served") == 0)
            buf_str(out, ": what the log served shows it");
        else if (proof[0] != '\0')
            buf_str(out, ": it proves nothing to others");
        buf_fmt(out, "\n  %-14s ctvigil log verify --id %" JSON_INTEGER_FORMAT "\n", "", id);
        if (text_of(one, "over_at")[0] != '\0')
            buf_fmt(out, "  %-14s over at %s: %s\n", "", text_of(one, "over_at"), text_of(one, "over_by"));
    }
    json_decref(accounts);
}

/* Was the kind of finding `at` told by one before it, or by the line itself? */
static bool is_told(const json_t *findings, size_t at, const char *told)
{
    const char *kind = text_of(json_array_get(findings, at), "kind");
    bool is = strcmp(kind, told) == 0;
    for (size_t i = 0; i < at && !is; i++)
        is = strcmp(text_of(json_array_get(findings, i), "kind"), kind) == 0;
    return is;
}

/* Kinds by name, since a low one beside a high one is read in another way than two high ones. */
static void put_others(struct buf *out, const json_t *findings, const char *told)
{
    size_t named = 0;
    size_t left = json_array_size(findings) - 1;
    for (size_t i = 0; i < json_array_size(findings) && named < OTHER_KINDS_MAX; i++) {
        if (is_told(findings, i, told))
            continue;
        buf_str(out, named++ == 0 ? " (also " : ", ");
        text_visible(out, span_str(text_of(json_array_get(findings, i), "kind")));
        left--;
    }
    if (left != 0)
        buf_fmt(out, "%s%zu more", named == 0 ? " (and " : " and ", left);
    buf_str(out, ")");
}

static void put_line(struct buf *out, const struct db_alert_row *row, const json_t *findings)
{
    size_t count = json_array_size(findings);
    size_t at = 0;
    put_head(out, row);
    /* Findings of later sightings are appended, so the gravest one need not be the first. */
    while (at + 1 < count && strcmp(text_of(json_array_get(findings, at), "kind"), row->kind) != 0)
        at++;
    if (count != 0) {
        const json_t *first = json_array_get(findings, at);
        buf_str(out, ": found ");
        put_short(out, text_of(first, "found"));
        buf_str(out, "; expected ");
        put_short(out, text_of(first, "expected"));
    }
    if (count > 1)
        put_others(out, findings, text_of(json_array_get(findings, at), "kind"));
}

static enum err_code done(struct buf *out, char **text, struct err *why)
{
    *text = buf_ok(out) ? strdup(buf_text(out)) : NULL;
    buf_fini(out);
    return *text != NULL ? ERR_OK : err_set(why, ERR_MEMORY, "alert: no memory for its text");
}

enum err_code message_line(const struct db_alert_row *row, char **text, struct err *why)
{
    struct buf out;
    json_t *findings = parsed(row->findings);
    buf_init(&out, PAGE_MAX);
    put_line(&out, row, findings);
    json_decref(findings);
    return done(&out, text, why);
}

static void put_row(struct buf *out, const char *label, const char *text)
{
    buf_fmt(out, "  %-14s ", label);
    put_short(out, text);
    buf_byte(out, '\n');
}

static void put_member(struct buf *out, const json_t *issuance, const char *label, const char *member)
{
    const char *text = text_of(issuance, member);
    if (text[0] != '\0')
        put_row(out, label, text);
}

static void put_names(struct buf *out, const json_t *issuance, const char *label, const char *member)
{
    const json_t *list = json_object_get(issuance, member);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        put_row(out, label, name == NULL ? "" : name);
    }
}

static void put_certificate(struct buf *out, const json_t *issuance)
{
    const char *form = text_of(issuance, "form");
    if (!json_is_object(issuance) || json_object_size(issuance) == 0 || strcmp(form, "unparsed") == 0)
        return;
    buf_str(out, "\ncertificate:\n");
    put_member(out, issuance, "issuer", "issuer");
    put_member(out, issuance, "issuer key", "issuer_spki_sha256");
    put_member(out, issuance, "serial", "serial");
    bool subject = text_of(issuance, "subject")[0] != '\0'; /* alerts of before have the name alone */
    put_member(out, issuance, subject ? "subject" : "common name", subject ? "subject" : "subject_cn");
    put_member(out, issuance, "not before", "not_before");
    put_member(out, issuance, "not after", "not_after");
    put_member(out, issuance, "key", "spki_sha256");
    put_member(out, issuance, "sha256", "sha256");
    put_names(out, issuance, "name", "names");
    put_names(out, issuance, "written as", "raw_names");
    put_names(out, issuance, "address", "ips");
    put_names(out, issuance, "odd", "findings");
    put_names(out, issuance, "against a rule", "lint");
}

static void put_findings(struct buf *out, const json_t *findings)
{
    for (size_t i = 0; i < json_array_size(findings); i++) {
        const json_t *one = json_array_get(findings, i);
        buf_fmt(out, "\n%s (%s, rule %s)\n", text_of(one, "kind"), text_of(one, "severity"),
                text_of(one, "rule"));
        put_row(out, "expected", text_of(one, "expected"));
        put_row(out, "found", text_of(one, "found"));
    }
}

static void put_advice(struct buf *out, const char *kind)
{
    struct advice advice;
    if (!advice_of(kind, &advice))
        return;
    buf_fmt(out, "\nwhat happened: %s.\n", advice.what);
    buf_fmt(out, "why it matters: %s.\n", advice.why == NULL ? "?" : advice.why);
    buf_fmt(out, "what to do: %s.\n", advice.action == NULL ? "?" : advice.action);
}

static void put_sightings(struct buf *out, const struct db_alert_row *row)
{
    char time[TEXT_TIME_MAX];
    if (row->sighting_count != 0)
        buf_str(out, "\nseen in:\n");
    for (size_t i = 0; i < row->sighting_count; i++) {
        const struct db_alert_sighting *s = &row->sightings[i];
        buf_fmt(out, "  %s  %s index %" PRIu64 " (%s, %s)\n", text_time(s->timestamp_ms, false, time), s->log,
                s->index, s->form, s->verified ? "verified" : "not verified yet");
    }
}

/* A page that does not fit is told to nobody. */
static void put_cut(struct buf *out, const char *text)
{
    size_t len = strlen(text);
    text_visible(out, span_of((const uint8_t *)text, len < SHORT_MAX ? len : SHORT_MAX));
}

/* Whom it concerns here: as the domain's entry says now, not as it said when the alert was raised. */
static void put_owner(struct buf *out, const struct db_alert_row *row)
{
    json_t *tags = row->tags == NULL ? NULL : parsed(row->tags);
    size_t index;
    json_t *tag;
    if (row->owner != NULL && row->owner[0] != '\0') {
        buf_fmt(out, "  %-14s ", "owner");
        put_cut(out, row->owner);
        buf_byte(out, '\n');
    }
    json_array_foreach(tags, index, tag)
    {
        if (index == 0)
            buf_fmt(out, "  %-14s ", "tags");
        buf_str(out, index == 0 ? "" : ", ");
        put_cut(out, json_is_string(tag) ? json_string_value(tag) : "?");
    }
    if (json_array_size(tags) != 0)
        buf_byte(out, '\n');
    json_decref(tags);
}

static void put_deliveries(struct buf *out, const struct db_alert_row *row)
{
    char time[TEXT_TIME_MAX];
    if (row->delivery_count != 0)
        buf_str(out, "\ndeliveries:\n");
    for (size_t i = 0; i < row->delivery_count; i++) {
        const struct db_alert_delivery *d = &row->deliveries[i];
        buf_fmt(out, "  %-14s %s, %d %s", d->channel, d->state, (int)d->tries,
                d->tries == 1 ? "try" : "tries");
        if (strcmp(d->state, "pending") == 0)
            buf_fmt(out, ", next %s", text_time(d->next_try_ms, false, time));
        if (d->last_error[0] != '\0')
            buf_fmt(out, ": %s", d->last_error);
        buf_byte(out, '\n');
    }
}

enum err_code message_page(const struct db_alert_row *row, char **text, struct err *why)
{
    struct buf out;
    char fp[65];
    char time[TEXT_TIME_MAX];
    json_t *findings = parsed(row->findings);
    json_t *issuance = parsed(row->issuance);
    buf_init(&out, PAGE_MAX);
    buf_fmt(&out, "alert %" PRId64 " ", row->id);
    put_head(&out, row);
    buf_fmt(&out, "\n  %-14s %s\n  %-14s %s\n", "first seen", text_time(row->first_seen_ms, false, time),
            "state", row->state);
    put_owner(&out, row);
    if (row->reason[0] != '\0') {
        buf_fmt(&out, "  %-14s ", "reason");
        text_visible(&out, span_str(row->reason));
        buf_byte(&out, '\n');
    }
    put_history(&out, row);
    if (row->evidence != NULL) {
        buf_fmt(&out, "  %-14s ", "evidence");
        if (row->evidence[0] != '\0')
            text_visible(&out, span_str(row->evidence));
        else
            buf_str(&out, "in the database only, table evidence");
        buf_byte(&out, '\n');
    }
    put_accounts(&out, row);
    if (row->has_fp)
        buf_fmt(&out, "  %-14s %s\n", "fingerprint", text_hex(span_of(row->tbs_fp, 32), fp));
    put_advice(&out, row->kind);
    put_findings(&out, findings);
    put_certificate(&out, issuance);
    put_sightings(&out, row);
    put_deliveries(&out, row);
    json_decref(issuance);
    json_decref(findings);
    return done(&out, text, why);
}
