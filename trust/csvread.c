#include "trust/csvread.h"

/* One field; the cursor ends at the comma, the line end or the end. */
static struct span field(struct csvread *csv)
{
    uint8_t *begin = csv->at;
    uint8_t *out = csv->at;
    bool quoted = begin < csv->end && *begin == '"';
    if (!quoted) {
        while (csv->at < csv->end && *csv->at != ',' && *csv->at != '\n' && *csv->at != '\r')
            csv->at++;
        return span_of(begin, (size_t)(csv->at - begin));
    }
    for (csv->at++; csv->at < csv->end; csv->at++) {
        if (*csv->at == '"' && (csv->at + 1 == csv->end || csv->at[1] != '"'))
            break;
        csv->at += *csv->at == '"';
        *out++ = *csv->at;
    }
    csv->cut = csv->cut || csv->at == csv->end;
    csv->at += csv->at < csv->end;
    /* What stands between the closing quote and the comma belongs to nothing. */
    while (csv->at < csv->end && *csv->at != ',' && *csv->at != '\n' && *csv->at != '\r')
        csv->at++;
    return span_of(begin, (size_t)(out - begin));
}

static void end_line(struct csvread *csv)
{
    if (csv->at < csv->end && *csv->at == '\r')
        csv->at++;
    if (csv->at < csv->end && *csv->at == '\n')
        csv->at++;
}

static size_t line(struct csvread *csv, struct span *out)
{
    size_t count = 0;
    for (;;) {
        struct span one = field(csv);
        if (count < CSVREAD_COLUMNS)
            out[count++] = one;
        if (csv->at == csv->end || *csv->at != ',')
            break;
        csv->at++;
    }
    end_line(csv);
    return count;
}

static struct span trimmed(struct span text)
{
    while (text.len != 0 &&
           (text.at[0] == ' ' || text.at[0] == '\t' || text.at[0] == '\n' || text.at[0] == '\r'))
        text = span_part(text, 1, text.len);
    while (text.len != 0 && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t' ||
                             text.at[text.len - 1] == '\n' || text.at[text.len - 1] == '\r'))
        text.len--;
    return text;
}

bool csvread_init(struct csvread *csv, uint8_t *bytes, size_t len)
{
    *csv = (struct csvread){.at = bytes, .end = bytes + len};
    if (len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        csv->at += 3;
    if (csv->at == csv->end)
        return false;
    csv->columns = line(csv, csv->head);
    for (size_t i = 0; i < csv->columns; i++)
        csv->head[i] = trimmed(csv->head[i]);
    return true;
}

bool csvread_next(struct csvread *csv)
{
    while (csv->at < csv->end && (*csv->at == '\r' || *csv->at == '\n'))
        csv->at++;
    if (csv->at == csv->end)
        return false;
    csv->fields = line(csv, csv->field);
    csv->cut = csv->cut || (csv->at == csv->end && csv->fields < csv->columns && csv->at[-1] != '\n');
    csv->row++;
    return true;
}

size_t csvread_column(const struct csvread *csv, const char *name)
{
    size_t at = 0;
    while (at < csv->columns && !span_eq(csv->head[at], span_str(name)))
        at++;
    return at < csv->columns ? at : CSVREAD_COLUMNS;
}

bool csvread_has(const struct csvread *csv, const char *names)
{
    for (const char *at = names; *at != '\0';) {
        char name[64];
        size_t len = strcspn(at, ",");
        must(len < sizeof name);
        memcpy(name, at, len);
        name[len] = '\0';
        if (csvread_column(csv, name) == CSVREAD_COLUMNS)
            return false;
        at += len + (at[len] == ',');
    }
    return true;
}

struct span csvread_get(const struct csvread *csv, const char *name)
{
    size_t at = csvread_column(csv, name);
    return at < csv->fields ? trimmed(csv->field[at]) : SPAN_NONE;
}

const char *csvread_text(const struct csvread *csv, const char *name, char *out, size_t cap)
{
    struct span text = csvread_get(csv, name);
    size_t len = text.len < cap - 1 ? text.len : cap - 1;
    if (len != 0)
        memcpy(out, text.at, len);
    out[len] = '\0';
    return out;
}
