#include "cli/alerttable.h"

#include <stdio.h>

#include "base/dns.h"
#include "base/text.h"

#define ALERTTABLE_ABOUT 30
#define ALERTTABLE_LEAST 12 /* of a name, however narrow it is */

/* What stands in front of them: the same in every line. */
#define ALERTTABLE_FRONT        "%-7s %-8s %-20s %-20s %-8s "
#define ALERTTABLE_FRONT_NARROW "%-7s %-8s %-10.10s %-20s %-8s "
#define ALERTTABLE_FRONT_MAX    128

struct alerttable_line {
    const char *id;
    const char *severity;
    const char *time;
    const char *kind;
    const char *state;
};

static bool alerttable_narrow(size_t columns)
{
    return columns != 0 && columns < ALERTTABLE_WIDE;
}

/* Characters, not bytes. */
static size_t alerttable_width(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

/* Its last characters, as many as there is room for; 0: all. */
static void alerttable_end(struct buf *out, const char *text, size_t room)
{
    struct buf visible;
    buf_init(&visible, 1u << 20);
    text_visible(&visible, span_str(text));
    const char *at = buf_text(&visible);
    size_t width = alerttable_width(at);
    if (room != 0 && width > room) {
        buf_str(out, "~");
        for (size_t drop = width - room + 1; drop != 0; drop--)
            do
                at++;
            while (((unsigned char)*at & 0xc0) == 0x80);
    }
    buf_str(out, at);
    buf_fini(&visible);
}

static size_t alerttable_front(struct buf *out, size_t columns, const struct alerttable_line *line)
{
    char text[ALERTTABLE_FRONT_MAX];
    (void)snprintf(text, sizeof text, alerttable_narrow(columns) ? ALERTTABLE_FRONT_NARROW : ALERTTABLE_FRONT,
                   line->id, line->severity, line->time, line->kind, line->state);
    buf_str(out, text);
    return alerttable_width(text);
}

static void alerttable_pad(struct buf *out, size_t used, size_t width)
{
    for (; used < width; used++)
        buf_str(out, " ");
}

static size_t alerttable_room(size_t columns, size_t used)
{
    if (columns == 0)
        return 0;
    return columns > used + ALERTTABLE_LEAST ? columns - used : ALERTTABLE_LEAST;
}

static void alerttable_put(struct buf *out, size_t columns, const struct alerttable_line *line,
                           const char *about, const char *name)
{
    size_t used = alerttable_front(out, columns, line);
    if (alerttable_narrow(columns)) {
        alerttable_end(out, name != NULL ? name : about, alerttable_room(columns, used));
    } else {
        struct buf cell;
        buf_init(&cell, 1u << 20);
        alerttable_end(&cell, about, columns == 0 ? 0 : ALERTTABLE_ABOUT);
        size_t width = alerttable_width(buf_text(&cell));
        buf_str(out, buf_text(&cell));
        alerttable_pad(out, width, ALERTTABLE_ABOUT);
        buf_str(out, " ");
        used += (width > ALERTTABLE_ABOUT ? width : ALERTTABLE_ABOUT) + 1;
        alerttable_end(out, name != NULL ? name : "-", alerttable_room(columns, used));
        buf_fini(&cell);
    }
    buf_str(out, "\n");
}

void alerttable_head(struct buf *out, size_t columns)
{
    static const struct alerttable_line line = {"ID", "SEVERITY", "FIRST SEEN", "KIND", "STATE"};
    alerttable_put(out, columns, &line, "DOMAIN OR LOG", alerttable_narrow(columns) ? "NAME OR LOG" : "NAME");
}

void alerttable_row(struct buf *out, size_t columns, const struct db_alert_row *row)
{
    char time[TEXT_TIME_MAX];
    char id[24];
    char about[DNS_TEXT_MAX + 8];
    const struct alerttable_line line = {id, row->severity, text_time(row->first_seen_ms, false, time),
                                         row->kind, row->state};
    (void)snprintf(id, sizeof id, "%" PRId64, row->id);
    /* No domain has a blank. */
    if (row->domain == NULL && row->log != NULL)
        (void)snprintf(about, sizeof about, "log %s", row->log);
    else
        (void)snprintf(about, sizeof about, "%s", row->domain != NULL ? row->domain : "-");
    alerttable_put(out, columns, &line, about, row->name);
}
