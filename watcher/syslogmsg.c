#include "watcher/syslogmsg.h"

#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "watcher/brief.h"

#define HOST_MAX  256
#define VALUE_MAX 512

int syslogmsg_facility(const char *name)
{
    static const char *const names[] = {"kern",   "user",   "mail",   "daemon", "auth",     "syslog",
                                        "lpr",    "news",   "uucp",   "cron",   "authpriv", "ftp",
                                        "",       "",       "",       "",       "local0",   "local1",
                                        "local2", "local3", "local4", "local5", "local6",   "local7"};
    for (size_t i = 0; i < countof(names); i++)
        if (names[i][0] != '\0' && strcmp(names[i], name) == 0)
            return (int)i;
    return -1;
}

int syslogmsg_severity(const char *severity)
{
    if (strcmp(severity, "critical") == 0)
        return 2;
    if (strcmp(severity, "low") == 0)
        return 5;
    return strcmp(severity, "info") == 0 ? 6 : 3;
}

/* A parameter; one that does not fit is left out, and so is what comes behind it. */
static void put_param(struct buf *out, size_t most, const char *name, const char *value)
{
    char cut[VALUE_MAX];
    struct buf one;
    if (value == NULL || value[0] == '\0')
        return;
    brief_cut(value, sizeof cut - 1, cut, sizeof cut);
    buf_init(&one, (size_t)4 * VALUE_MAX);
    buf_fmt(&one, " %s=\"", name);
    for (const char *at = cut; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\' || *at == ']')
            buf_byte(&one, '\\');
        buf_byte(&one, (unsigned char)*at < 0x20 || *at == 0x7f ? '?' : (uint8_t)*at);
    }
    buf_byte(&one, '"');
    if (out->len + one.len + 8 <= most)
        buf_put(out, buf_span(&one));
    buf_fini(&one);
}

static void put_params(struct buf *out, const struct channel_message *message, size_t most)
{
    const struct db_alert_row *row = message->row;
    char number[32];
    char hex[65];
    (void)snprintf(number, sizeof number, "%" PRId64, row->id);
    put_param(out, most, "id", number);
    put_param(out, most, "kind", row->kind);
    put_param(out, most, "severity", row->severity);
    put_param(out, most, "event", row->event);
    put_param(out, most, "key", message->key);
    put_param(out, most, "domain", row->domain);
    put_param(out, most, "name", row->name);
    put_param(out, most, "log", row->log);
    put_param(out, most, "tbs_fp", row->has_fp ? text_hex(span_of(row->tbs_fp, 32), hex) : NULL);
}

/* RFC 5424 HOSTNAME: printable ASCII without blanks. */
static void host_name(char out[HOST_MAX])
{
    if (gethostname(out, HOST_MAX) != 0)
        out[0] = '\0';
    out[HOST_MAX - 1] = '\0';
    for (char *at = out; *at != '\0'; at++)
        if (*at <= 0x20 || *at >= 0x7f)
            *at = '-';
    if (out[0] == '\0')
        memcpy(out, "-", 2);
}

void syslogmsg_put(struct buf *out, const struct channel_message *message, int facility, int64_t unix_ms,
                   size_t most)
{
    char host[HOST_MAX];
    char time[TEXT_TIME_MAX];
    char line[BRIEF_TITLE_MAX];
    size_t begin = out->len;
    host_name(host);
    buf_fmt(out, "<%d>1 %s %s ctvigil %ld %.32s [ctvigil@32473",
            8 * facility + syslogmsg_severity(message->row->severity), text_time(unix_ms, true, time), host,
            (long)getpid(), message->row->kind);
    put_params(out, message, begin + most);
    buf_str(out, "] \xef\xbb\xbf");
    size_t room = begin + most > out->len ? begin + most - out->len : 0;
    if (room < 8)
        return;
    brief_cut(message->line, room < sizeof line ? room : sizeof line - 1, line, sizeof line);
    buf_str(out, line);
}
