#include "watcher/webhookbody.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "watcher/brief.h"

#define SLACK_HEADER  140 /* Slack's limits are 150, 3000 and 2000 characters, 10 fields and 50 blocks */
#define SLACK_SECTION 2900
#define SLACK_FIELDS  10
#define DIGEST_SHOWN  40  /* lines of a digest on a card; the rest is counted */
#define LINE_SHOWN    600 /* of each */
#define PAGER_SUMMARY 1000

enum webhookbody_preset webhookbody_preset(const char *word)
{
    static const char *const words[] = {"generic", "slack", "teams", "pagerduty"};
    size_t at = 0;
    while (at < countof(words) && strcmp(words[at], word) != 0)
        at++;
    must(at < countof(words));
    return (enum webhookbody_preset)at;
}

static enum err_code dumped(json_t *object, char **body, struct err *why)
{
    *body = object == NULL ? NULL : json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(object);
    return *body != NULL ? ERR_OK : err_set(why, ERR_MEMORY, "webhook: its body could not be made");
}

/* Slack ----------------------------------------------------------------------------------------------------
 */

/* The one text that Slack reads for markup, in notifications: its three characters become entities. */
static json_t *slack_escaped(const char *text)
{
    struct buf out;
    buf_init(&out, LIMIT_MESSAGE_BYTES);
    for (; *text != '\0'; text++) {
        if (*text == '&')
            buf_str(&out, "&amp;");
        else if (*text == '<')
            buf_str(&out, "&lt;");
        else if (*text == '>')
            buf_str(&out, "&gt;");
        else
            buf_byte(&out, (uint8_t)*text);
    }
    json_t *string = json_string(buf_text(&out));
    buf_fini(&out);
    return string;
}

static json_t *slack_plain(const char *text, size_t most)
{
    char cut[SLACK_SECTION + 8];
    brief_cut(text, most, cut, sizeof cut);
    return json_pack("{s:s, s:s, s:b}", "type", "plain_text", "text", cut[0] == '\0' ? "-" : cut, "emoji", 0);
}

static json_t *slack_message(const char *text, json_t *blocks)
{
    char cut[SLACK_SECTION + 8];
    brief_cut(text, SLACK_SECTION, cut, sizeof cut);
    return json_pack("{s:o, s:b, s:b, s:b, s:o}", "text", slack_escaped(cut), "mrkdwn", 0, "unfurl_links", 0,
                     "unfurl_media", 0, "blocks", blocks);
}

static void slack_put(json_t *blocks, const char *type, const char *text, size_t most)
{
    json_array_append_new(blocks, json_pack("{s:s, s:o}", "type", type, "text", slack_plain(text, most)));
}

static json_t *slack_one(const struct db_alert_row *row, const struct brief *brief)
{
    json_t *blocks = json_array();
    char head[200];
    (void)snprintf(head, sizeof head, "[%s] %s%s%s", row->severity, row->kind,
                   row->domain != NULL ? " for " : "", row->domain != NULL ? row->domain : "");
    slack_put(blocks, "header", head, SLACK_HEADER);
    slack_put(blocks, "section", brief->title, SLACK_SECTION);
    if (brief->meaning[0] != '\0')
        slack_put(blocks, "section", brief->meaning, SLACK_SECTION);
    json_t *fields = NULL;
    for (size_t i = 0; i < brief->count; i++) {
        char text[BRIEF_VALUE_MAX + 64];
        (void)snprintf(text, sizeof text, "%s: %s", brief->facts[i].label, brief->facts[i].value);
        if (fields == NULL || json_array_size(fields) == SLACK_FIELDS) {
            fields = json_array();
            json_array_append_new(blocks, json_pack("{s:s, s:o}", "type", "section", "fields", fields));
        }
        json_array_append_new(fields, slack_plain(text, sizeof text - 8));
    }
    return slack_message(brief->title, blocks);
}

/* Teams ----------------------------------------------------------------------------------------------------
 */

static json_t *teams_run(const char *text, bool bold)
{
    return json_pack("{s:s, s:s, s:s}", "type", "TextRun", "text", text, "weight",
                     bold ? "bolder" : "default");
}

static void teams_put(json_t *body, json_t *first, json_t *second)
{
    json_t *inlines = json_array();
    json_array_append_new(inlines, first);
    if (second != NULL)
        json_array_append_new(inlines, second);
    json_array_append_new(
        body, json_pack("{s:s, s:s, s:o}", "type", "RichTextBlock", "spacing", "small", "inlines", inlines));
}

static json_t *teams_message(json_t *body)
{
    json_t *card =
        json_pack("{s:s, s:s, s:s, s:o}", "$schema", "http://adaptivecards.io/schemas/adaptive-card.json",
                  "type", "AdaptiveCard", "version", "1.3", "body", body);
    return json_pack("{s:s, s:[{s:s, s:n, s:o}]}", "type", "message", "attachments", "contentType",
                     "application/vnd.microsoft.card.adaptive", "contentUrl", "content", card);
}

static json_t *teams_one(const struct brief *brief)
{
    json_t *body = json_array();
    teams_put(body, teams_run(brief->title, true), NULL);
    if (brief->meaning[0] != '\0')
        teams_put(body, teams_run(brief->meaning, false), NULL);
    for (size_t i = 0; i < brief->count; i++) {
        char label[64];
        (void)snprintf(label, sizeof label, "%s: ", brief->facts[i].label);
        teams_put(body, teams_run(label, true), teams_run(brief->facts[i].value, false));
    }
    return teams_message(body);
}

/* PagerDuty ------------------------------------------------------------------------------------------------
 */

static const char *pager_severity(const char *severity)
{
    static const char *const words[][2] = {
        {"critical", "critical"}, {"high", "error"}, {"low", "warning"}, {"info", "info"}};
    for (size_t i = 0; i < countof(words); i++)
        if (strcmp(words[i][0], severity) == 0)
            return words[i][1];
    return "error";
}

static json_t *pager_event(const struct db_alert_row *row, const char *action, const char *secret)
{
    char name[BRIEF_NAME_MAX];
    return json_pack("{s:s, s:s, s:s}", "routing_key", secret, "event_action", action, "dedup_key",
                     brief_name(row, name));
}

static json_t *pager_one(const struct db_alert_row *row, const struct brief *brief, const char *secret)
{
    char summary[PAGER_SUMMARY + 8];
    char time[TEXT_TIME_MAX];
    const char *source = row->domain != NULL ? row->domain : row->log != NULL ? row->log : "ctvigil";
    json_t *details = json_object();
    if (strcmp(row->state, "closed") == 0) {
        json_decref(details);
        return pager_event(row, "resolve", secret);
    }
    brief_cut(brief->title, PAGER_SUMMARY, summary, sizeof summary);
    if (brief->meaning[0] != '\0')
        json_object_set_new(details, "Meaning", json_string(brief->meaning));
    for (size_t i = 0; i < brief->count; i++)
        json_object_set_new(details, brief->facts[i].label, json_string(brief->facts[i].value));
    json_t *event = pager_event(row, "trigger", secret);
    json_object_set_new(event, "client", json_string("ctvigil"));
    json_object_set_new(event, "payload",
                        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "summary", summary, "source", source,
                                  "severity", pager_severity(row->severity), "timestamp",
                                  text_time(row->first_seen_ms, false, time), "component", "ctvigil", "class",
                                  row->kind, "custom_details", details));
    return event;
}

/* All
 * --------------------------------------------------------------------------------------------------------
 */

enum err_code webhookbody_one(enum webhookbody_preset preset, const struct channel_message *message,
                              const char *secret, char **body, struct err *why)
{
    struct brief brief;
    if (preset == WEBHOOKBODY_GENERIC) {
        *body = strdup(message->json);
        return *body != NULL ? ERR_OK : err_set(why, ERR_MEMORY, "webhook: no memory");
    }
    brief_make(message->row, message->line, &brief);
    if (preset == WEBHOOKBODY_SLACK)
        return dumped(slack_one(message->row, &brief), body, why);
    if (preset == WEBHOOKBODY_TEAMS)
        return dumped(teams_one(&brief), body, why);
    return dumped(pager_one(message->row, &brief, secret), body, why);
}

enum err_code webhookbody_over(const struct db_alert_row *row, const char *secret, char **body,
                               struct err *why)
{
    return dumped(pager_event(row, "resolve", secret), body, why);
}

static enum err_code generic_digest(const struct channel_digest *digest, char **body, struct err *why)
{
    struct buf out;
    buf_init(&out, 64 * LIMIT_MESSAGE_BYTES);
    buf_str(&out, "{\"schema\":\"ctvigil.digest.1\",\"alerts\":[");
    for (size_t i = 0; i < digest->count; i++)
        buf_fmt(&out, "%s%s", i == 0 ? "" : ",", digest->alerts[i].json);
    buf_str(&out, "]}");
    *body = buf_ok(&out) ? strdup(buf_text(&out)) : NULL;
    buf_fini(&out);
    return *body != NULL ? ERR_OK : err_set(why, ERR_MEMORY, "webhook: a digest does not fit into memory");
}

enum err_code webhookbody_digest(enum webhookbody_preset preset, const struct channel_digest *digest,
                                 char **body, struct err *why)
{
    char head[120];
    json_t *list = json_array();
    if (preset == WEBHOOKBODY_GENERIC) {
        json_decref(list);
        return generic_digest(digest, body, why);
    }
    must(preset != WEBHOOKBODY_PAGERDUTY);
    (void)snprintf(head, sizeof head, "ctvigil: %zu alert%s", digest->count, digest->count == 1 ? "" : "s");
    if (preset == WEBHOOKBODY_SLACK)
        slack_put(list, "header", head, SLACK_HEADER);
    else
        teams_put(list, teams_run(head, true), NULL);
    for (size_t i = 0; i < digest->count && i <= DIGEST_SHOWN; i++) {
        char cut[LINE_SHOWN + 40];
        char line[LINE_SHOWN + 8];
        brief_cut(digest->alerts[i].line, LINE_SHOWN, line, sizeof line);
        (void)snprintf(cut, sizeof cut, "%" PRId64 ": %s", digest->alerts[i].id, line);
        if (i == DIGEST_SHOWN)
            (void)snprintf(cut, sizeof cut, "and %zu more: ctvigil alert list", digest->count - i);
        if (preset == WEBHOOKBODY_SLACK)
            slack_put(list, "section", cut, SLACK_SECTION);
        else
            teams_put(list, teams_run(cut, false), NULL);
    }
    return dumped(preset == WEBHOOKBODY_SLACK ? slack_message(head, list) : teams_message(list), body, why);
}
