#include "watcher/mailpage.h"

#include "model/advice.h"
#include "watcher/mime.h"

/* White on each of them, and each of them on white, has a contrast of 4.5 and more (WCAG 2.1, 1.4.3). */
static const char *colour_of(const char *severity)
{
    static const char *const colours[][2] = {
        {"critical", "#8f1d1d"}, {"high", "#b3410b"}, {"low", "#1f5f99"}, {"info", "#57606a"}};
    for (size_t i = 0; i < countof(colours); i++)
        if (strcmp(severity, colours[i][0]) == 0)
            return colours[i][1];
    return "#57606a";
}

/* Fingerprints have no place to break, and a telephone shows 30 of their 64 characters. */
static void begin(struct buf *out)
{
    buf_str(out, "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                 "content=\"width=device-width\"></head>\n"
                 "<body style=\"font:15px/1.45 sans-serif;max-width:46em;overflow-wrap:anywhere\">\n");
}

static void end(struct buf *out)
{
    buf_str(out, "</body></html>\n");
}

static void put_title(struct buf *out, const char *severity, const char *title)
{
    buf_fmt(out, "<h3 style=\"margin:0 0 1em;padding-left:.6em;border-left:6px solid %s\">",
            colour_of(severity));
    mime_html(out, title);
    buf_str(out, "</h3>\n");
}

static void put_advice(struct buf *out, const char *label, const char *sentence)
{
    if (sentence == NULL)
        return;
    buf_fmt(out, "<p><b>%s</b><br>", label);
    char first[2] = {sentence[0] >= 'a' && sentence[0] <= 'z' ? (char)(sentence[0] - 'a' + 'A') : sentence[0],
                     '\0'};
    mime_html(out, first);
    mime_html(out, sentence + (sentence[0] != '\0'));
    buf_str(out, ".</p>\n");
}

static void put_row(struct buf *out, const char *label, const char *value)
{
    buf_str(out, "<tr><th align=\"left\" valign=\"top\" style=\"white-space:nowrap\">");
    mime_html(out, label);
    buf_str(out, "</th><td>");
    mime_html(out, value);
    buf_str(out, "</td></tr>\n");
}

void mailpage_alert(struct buf *out, const char *kind, const char *severity, const struct brief *brief)
{
    struct advice advice;
    begin(out);
    put_title(out, severity, brief->title);
    if (advice_of(kind, &advice)) {
        put_advice(out, "What happened", advice.what);
        put_advice(out, "Why it matters", advice.why);
        put_advice(out, "What to do", advice.action);
    }
    buf_str(out, "<table cellpadding=\"3\" style=\"font-size:14px\">\n");
    for (size_t i = 0; i < brief->count; i++)
        put_row(out, brief->facts[i].label, brief->facts[i].value);
    buf_str(out, "</table>\n");
    end(out);
}

void mailpage_digest(struct buf *out, const struct channel_digest *digest)
{
    begin(out);
    buf_str(out, "<table cellpadding=\"6\" style=\"font-size:14px;border-collapse:collapse\">\n");
    for (size_t i = 0; i < digest->count; i++) {
        const struct channel_gathered *one = &digest->alerts[i];
        char line[2 * BRIEF_TITLE_MAX];
        brief_cut(one->line, sizeof line - 1, line, sizeof line);
        buf_fmt(out,
                "<tr style=\"border-bottom:1px solid #d0d7de\"><th align=\"right\" valign=\"top\" "
                "style=\"white-space:nowrap;border-left:6px solid %s\">%" PRId64 "</th><td>",
                colour_of(one->severity), one->id);
        mime_html(out, line);
        buf_str(out, "</td></tr>\n");
    }
    buf_str(out, "</table>\n<p>Each with its evidence: ctvigil alert show ID</p>\n");
    end(out);
}
