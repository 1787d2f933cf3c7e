#include "base/say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define LINE_MAX_BYTES 4096 /* one write of this size to a pipe is not torn (PIPE_BUF) */
#define TEXT_MAX_BYTES 2048

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static _Atomic int level_now = SAY_INFO;
static atomic_bool json_now;

void say_setup(enum say_level level, bool json)
{
    atomic_store_explicit(&level_now, (int)level, memory_order_relaxed);
    atomic_store_explicit(&json_now, json, memory_order_relaxed);
}

bool say_wants(enum say_level level)
{
    return (int)level <= atomic_load_explicit(&level_now, memory_order_relaxed);
}

bool say_level_parse(const char *word, enum say_level *level)
{
    for (size_t i = 0; i < countof(level_names); i++) {
        if (strcmp(word, level_names[i]) == 0) {
            *level = (enum say_level)i;
            return true;
        }
    }
    return false;
}

/* Visible text between double quotes. Backslashes of text_visible are doubled by JSON rules, so that both
 * forms of a line are read back with one rule: a backslash escapes what follows. */
static void put_quoted(struct buf *line, const char *text, bool json)
{
    char visible[TEXT_MAX_BYTES];
    (void)text_visible_str(span_str(text), visible, sizeof visible);
    buf_byte(line, '"');
    for (const char *at = visible; *at != 0; at++) {
        if (*at == '"' || (json && *at == '\\'))
            buf_byte(line, '\\');
        buf_byte(line, (uint8_t)*at);
    }
    buf_byte(line, '"');
}

static void put_line(struct buf *line, enum say_level level, const char *subject, const char *text)
{
    char now[TEXT_TIME_MAX];
    (void)text_time(clock_wall_ms(), true, now);
    bool json = atomic_load_explicit(&json_now, memory_order_relaxed);
    buf_fmt(line, json ? "{\"time\":\"%s\",\"level\":\"%s\",\"subject\":" : "time=%s level=%s subject=", now,
            level_names[level]);
    put_quoted(line, subject, json);
    buf_str(line, json ? ",\"text\":" : " text=");
    put_quoted(line, text, json);
    buf_str(line, json ? "}\n" : "\n");
}

static void write_all(struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = write(STDERR_FILENO, bytes.at, bytes.len);
        if (sent < 0 && errno == EINTR)
            continue;
        /* Nobody left to tell. */
        if (sent <= 0)
            return;
        bytes = span_part(bytes, (size_t)sent, bytes.len);
    }
}

void say(enum say_level level, const char *subject, const char *fmt, ...)
{
    char text[TEXT_MAX_BYTES];
    struct buf line;
    va_list args;

    if (!say_wants(level))
        return;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    buf_init(&line, 4 * LINE_MAX_BYTES);
    put_line(&line, level, subject, len < 0 ? fmt : text);
    if (buf_ok(&line))
        write_all(buf_span(&line));
    buf_fini(&line);
}
