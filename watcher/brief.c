#include "watcher/brief.h"

#include <stdio.h>

#include "base/text.h"
#include "model/advice.h"
#include "watcher/message.h"

void brief_cut(const char *text, size_t most, char *out, size_t out_cap)
{
    size_t len = strlen(text);
    must(out_cap >= 8 && most >= 8);
    if (most > out_cap - 1)
        most = out_cap - 1;
    if (len <= most) {
        memcpy(out, text, len + 1);
        return;
    }
    len = most - 3;
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    memcpy(out, text, len);
    memcpy(out + len, "...", 4);
}

static void put(struct brief *brief, const char *label, const char *value)
{
    if (value == NULL || value[0] == '\0' || brief->count == BRIEF_FACTS_MAX)
        return;
    struct brief_fact *fact = &brief->facts[brief->count++];
    fact->label = label;
    brief_cut(value, BRIEF_VALUE_MAX - 1, fact->value, sizeof fact->value);
}

static void put_member(struct brief *brief, const char *label, const struct db_alert_row *row,
                       const char *member)
{
    char text[4 * BRIEF_VALUE_MAX];
    put(brief, label, message_issuance(row, member, text, sizeof text));
}

static void put_meaning(struct brief *brief, const char *kind)
{
    struct buf text;
    buf_init(&text, 2 * BRIEF_MEANING_MAX);
    advice_put(kind, &text);
    brief_cut(buf_text(&text), BRIEF_MEANING_MAX - 1, brief->meaning, sizeof brief->meaning);
    buf_fini(&text);
}

const char *brief_name(const struct db_alert_row *row, char out[BRIEF_NAME_MAX])
{
    (void)snprintf(out, BRIEF_NAME_MAX, "ctvigil.%" PRId64 ".%" PRId64, row->id, row->created_ms);
    return out;
}

void brief_make(const struct db_alert_row *row, const char *line, struct brief *brief)
{
    char text[BRIEF_VALUE_MAX];
    char hex[65];
    char from[64];
    char to[64];
    *brief = (struct brief){.count = 0};
    brief_cut(line, BRIEF_TITLE_MAX - 1, brief->title, sizeof brief->title);
    put_meaning(brief, row->kind);
    put(brief, "Severity", row->severity);
    put(brief, "Domain", row->domain);
    put(brief, "Owner", row->owner);
    put(brief, "Name", row->name);
    put(brief, "Log", row->log);
    put_member(brief, "Subject", row, "subject");
    put_member(brief, "Issuer", row, "issuer");
    put_member(brief, "Serial", row, "serial");
    (void)message_issuance(row, "not_before", from, sizeof from);
    (void)message_issuance(row, "not_after", to, sizeof to);
    (void)snprintf(text, sizeof text, "%s to %s", from, to);
    put(brief, "Valid", from[0] == '\0' ? "" : text);
    put_member(brief, "Key", row, "spki_sha256");
    put(brief, "Fingerprint", row->has_fp ? text_hex(span_of(row->tbs_fp, 32), hex) : "");
    put(brief, "First seen", text_time(row->first_seen_ms, false, from));
    if (row->sighting_count != 0) {
        (void)snprintf(text, sizeof text, "%s, entry %" PRIu64 "%s", row->sightings[0].log,
                       row->sightings[0].index, row->sightings[0].verified ? "" : ", not verified yet");
        put(brief, "Seen in", text);
    }
    (void)snprintf(text, sizeof text, "ctvigil alert show %" PRId64, row->id);
    put(brief, "Evidence", text);
    (void)snprintf(text, sizeof text, "ctvigil alert ack %" PRId64 " --reason TEXT", row->id);
    put(brief, "If it is fine", text);
}
