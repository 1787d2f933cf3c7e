#include "cli/domaintable.h"

#include <jansson.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/cmd.h"

#define DOMAINTABLE_WIDE   117 /* columns of the table with CAs on the same line */
#define DOMAINTABLE_INDENT 6
#define DOMAINTABLE_HEX    16 /* digits of a key that are shown in a terminal */
#define DOMAINTABLE_CELL   1024

static bool domaintable_narrow(size_t columns)
{
    return columns != 0 && columns < DOMAINTABLE_WIDE;
}

/* Made visible, cut to `width` columns when it is not 0. Returns how many it takes. */
static size_t domaintable_cut(const char *text, size_t width, char out[DOMAINTABLE_CELL])
{
    size_t columns = 0;

    (void)text_visible_str(span_str(text), out, DOMAINTABLE_CELL);
    for (char *at = out; *at != '\0'; at++) {
        if (((unsigned char)*at & 0xc0) == 0x80)
            continue;
        columns++;
        if (width == 0 || columns < width)
            continue;
        size_t rest = 1;
        while (((unsigned char)at[rest] & 0xc0) == 0x80)
            rest++;
        if (at[rest] == '\0')
            break; /* it just fits */
        at[0] = '~';
        at[1] = '\0';
        break;
    }
    return columns;
}

static void domaintable_cell(const char *text, size_t width, bool cut)
{
    char cell[DOMAINTABLE_CELL];
    size_t columns = domaintable_cut(text, cut ? width : 0, cell);

    printf("%s%*s ", cell, columns < width ? (int)(width - columns) : 0, "");
}

/* A key tells nobody anything, and its first digits tell it from the others. */
static void domaintable_label(const char *label, bool cut, char out[DOMAINTABLE_CELL])
{
    size_t digits = 0;
    char *at = out;

    (void)domaintable_cut(label == NULL ? "?" : label, 0, out);
    while (cut && *at != '\0' && digits <= DOMAINTABLE_HEX) {
        bool hex = (*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'f');
        digits = hex ? digits + 1 : 0;
        at++;
    }
    if (digits <= DOMAINTABLE_HEX || strlen(at - digits) < 64)
        return;
    at[-1] = '~';
    at[0] = '\0';
}

static const char *domaintable_written(const json_t *allow, size_t index)
{
    const char *label = json_string_value(json_object_get(json_array_get(allow, index), "label"));
    return label == NULL ? "" : label;
}

/* One after the other, each name once, however many keys it stands for; `columns` 0: all in one line. */
static void domaintable_allowed(const json_t *allow, size_t at, size_t columns, bool cut)
{
    size_t index;
    const json_t *one;

    if (json_array_size(allow) == 0)
        printf("none");
    json_array_foreach(allow, index, one)
    {
        char label[DOMAINTABLE_CELL];
        char fits[DOMAINTABLE_CELL];
        if (index != 0 &&
            strcmp(domaintable_written(allow, index), domaintable_written(allow, index - 1)) == 0)
            continue;
        domaintable_label(json_string_value(json_object_get(one, "label")), cut, label);
        size_t width = domaintable_cut(label, columns == 0 ? 0 : columns - DOMAINTABLE_INDENT - 2, fits);
        if (columns != 0 && index != 0 && at + width + 3 > columns) {
            printf(",\n%*s", DOMAINTABLE_INDENT, "");
            at = DOMAINTABLE_INDENT;
        } else if (index != 0) {
            printf(", ");
            at += 2;
        }
        printf("%s", fits);
        at += width;
    }
}

/* Each with "#" in front, made visible; in a narrow terminal on lines of their own. */
static void domaintable_tags(const char *text, bool narrow, size_t columns)
{
    json_t *tags = text == NULL ? NULL : json_loads(text, 0, NULL);
    size_t width = narrow ? columns - DOMAINTABLE_INDENT - 2 : 0;
    size_t at = narrow ? columns : 0; /* the first one begins a line of its own */
    size_t index;
    const json_t *tag;

    json_array_foreach(tags, index, tag)
    {
        char shown[DOMAINTABLE_CELL];
        const char *word = json_string_value(tag);
        size_t len = domaintable_cut(word == NULL ? "?" : word, width, shown);
        len = width != 0 && len > width ? width : len;
        if (narrow && at + len + 2 > columns) {
            printf("\n%*s", DOMAINTABLE_INDENT, "");
            at = DOMAINTABLE_INDENT;
        } else {
            printf(" ");
            at++;
        }
        printf("#%s", shown);
        at += len + 1;
    }
    json_decref(tags);
}

void domaintable_head(size_t columns)
{
    if (domaintable_narrow(columns))
        printf("%-5s %-34s %-8s %-6s %s\n", "ID", "NAME", "COVERS", "ALERTS", "OWNER; ALLOWED CAS");
    else
        printf("%-6s %-40s %-8s %-6s %-14s %s\n", "ID", "NAME", "COVERS", "ALERTS", "OWNER", "ALLOWED CAS");
}

void domaintable_row(const struct db_domain_row *row, size_t columns)
{
    bool narrow = domaintable_narrow(columns);
    json_t *allow = json_loads(row->allow, 0, NULL);

    printf("%-*" PRId64 " ", narrow ? 5 : 6, row->id);
    domaintable_cell(row->name, narrow ? 34 : 40, narrow);
    printf("%-8s %-6" PRIu64 " ",
           strcmp(row->kind, "ip") == 0    ? "range"
           : strcmp(row->kind, "dns") != 0 ? row->kind
           : row->exact                    ? "host"
                                           : "subtree",
           row->alerts_open);
    domaintable_cell(row->owner == NULL ? "-" : row->owner, 14, narrow);
    if (narrow)
        printf("\n%*sallowed: ", DOMAINTABLE_INDENT, "");
    domaintable_allowed(allow, DOMAINTABLE_INDENT + 9, narrow ? columns : 0, columns != 0);
    domaintable_tags(row->tags, narrow, columns);
    if (row->history_ms == 0)
        printf(narrow ? "\n%*s(history pending)" : "%*s(history pending)", narrow ? DOMAINTABLE_INDENT : 2,
               "");
    printf("\n");
    json_decref(allow);
}
