#include "cli/searchview.h"

#include <arpa/inet.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "db/others.h"

#define CELL_MAX (256u << 20)

static struct span name_text(const struct name *name, char ip[INET6_ADDRSTRLEN])
{
    if (name->kind != NAME_IP)
        return name->text;
    if (inet_ntop(name->raw.len == 4 ? AF_INET : AF_INET6, name->raw.at, ip, INET6_ADDRSTRLEN) == NULL)
        return SPAN_LIT("");
    return span_str(ip);
}

static json_t *json_names(const struct issuance *issuance, enum name_kind kind)
{
    json_t *list = json_array();
    char ip[INET6_ADDRSTRLEN];
    for (size_t i = 0; i < issuance->name_count; i++) {
        const struct name *name = &issuance->names[i];
        if (name->kind == kind)
            (void)json_array_append_new(list, cmd_json_latin1(name_text(name, ip)));
    }
    return list;
}

/* Stored text is UTF-8; what is not (it can not be, but this is output) goes out byte by byte. */
static json_t *json_utf8(struct span text)
{
    json_t *value = text.at != NULL ? json_stringn((const char *)text.at, text.len) : json_null();
    return value != NULL ? value : cmd_json_latin1(text);
}

static json_t *json_found(const struct issuance *issuance)
{
    json_t *list = json_array();
    for (size_t i = 0; i < issuance->found_count; i++)
        (void)json_array_append_new(list, cmd_json_latin1(issuance->found[i].raw));
    return list;
}

static json_t *json_orgs(const struct issuance *issuance)
{
    json_t *list = json_array();
    for (size_t i = 0; i < issuance->org_count; i++)
        (void)json_array_append_new(list, json_utf8(issuance->orgs[i]));
    return list;
}

/* Signed, without leading zeros: how a serial number is written everywhere in ctvigil. Some have thousands of
 * octets. */
static void put_serial(struct buf *out, struct span serial)
{
    static const char digits[] = "0123456789abcdef";
    bool negative = serial.len != 0 && (serial.at[0] & 0x80u) != 0;
    bool begun = false;
    size_t end = serial.len; /* of the octets in front of the last zeros */
    while (end > 0 && serial.at[end - 1] == 0)
        end--;
    if (negative)
        buf_byte(out, '-');
    for (size_t i = 0; i < serial.len; i++) {
        unsigned value = serial.at[i];
        if (negative && i < end)
            value = 0xffu - value + (i + 1 == end ? 1u : 0u);
        if (begun || value > 0xf)
            buf_byte(out, (uint8_t)digits[value >> 4]);
        if (begun || value != 0 || i + 1 == serial.len)
            buf_byte(out, (uint8_t)digits[value & 0xfu]);
        begun = begun || value != 0;
    }
}

static void write_json(FILE *out, const struct query_row *row)
{
    const struct issuance *issuance = row->issuance;
    struct buf serial;
    buf_init(&serial, CELL_MAX);
    put_serial(&serial, issuance->serial);
    json_t *line =
        json_pack("{s:s, s:o, s:o}", "schema", "ctvigil.search.1", "tbs_fp",
                  cmd_json_hex(span_of(issuance->tbs_fp, 32)), "serial", json_string(buf_text(&serial)));
    buf_fini(&serial);
    (void)json_object_set_new(line, "issuer", json_utf8(row->issuer));
    (void)json_object_set_new(line, "issuer_id", json_integer(row->issuer_id));
    (void)json_object_set_new(line, "issuer_spki_sha256",
                              issuance->issuer_known ? cmd_json_hex(span_of(issuance->issuer_spki_sha256, 32))
                                                     : json_null());
    (void)json_object_set_new(line, "spki_sha256", cmd_json_hex(span_of(issuance->spki_sha256, 32)));
    (void)json_object_set_new(line, "subject_cn", json_utf8(issuance->subject_cn));
    (void)json_object_set_new(line, "not_before", cmd_json_time(issuance->not_before * 1000));
    (void)json_object_set_new(line, "not_after", cmd_json_time(issuance->not_after * 1000));
    (void)json_object_set_new(line, "names", json_names(issuance, NAME_DNS));
    (void)json_object_set_new(line, "ips", json_names(issuance, NAME_IP));
    (void)json_object_set_new(line, "emails", json_names(issuance, NAME_EMAIL));
    (void)json_object_set_new(line, "uris", json_names(issuance, NAME_URI));
    (void)json_object_set_new(line, "organisations", json_orgs(issuance));
    (void)json_object_set_new(line, "raw_names", json_found(issuance));
    (void)json_object_set_new(line, "forms",
                              json_pack("{s:b, s:b, s:b}", "precert", (int)row->precert, "final",
                                        (int)row->final, "poisoned", (int)row->poisoned));
    (void)json_object_set_new(line, "sightings", json_integer((json_int_t)row->sightings));
    (void)json_object_set_new(line, "sightings_unassigned", json_integer((json_int_t)row->unassigned));
    (void)json_object_set_new(line, "first_seen", cmd_json_time(row->first_seen_ms));
    (void)json_object_set_new(line, "log", json_utf8(span_str(row->log)));
    (void)json_object_set_new(line, "index", json_integer((json_int_t)row->index));
    (void)json_object_set_new(line, "id", json_integer(row->id));
    cmd_write_json(out, line);
}

#define DATES       24 /* both, with what parts them */
#define MORE        7  /* "+N", with what parts it */
#define NAME_SHOWN  40
#define SERIAL_ROOM 38 /* 18 octets, as most serial numbers have, and what parts it */

/* How a table lies in a terminal. */
struct layout {
    size_t name;
    size_t issuer;
    bool serial;
    bool cut; /* "~" stands for what does not fit */
};

/* No terminal, or one with room for all of it: whole values. */
static struct layout layout_of(size_t columns)
{
    struct layout whole = {NAME_SHOWN, NAME_SHOWN, true, false};
    if (columns == 0 || columns >= DATES + MORE + 2 * NAME_SHOWN + SERIAL_ROOM)
        return whole;
    size_t room = columns > DATES + MORE + 20 ? columns - DATES - MORE : 20;
    struct layout cut = {room * 6 / 10, room - room * 6 / 10, false, true};
    return cut;
}

static void put_visible(struct buf *out, struct span text, size_t width, bool cut)
{
    size_t begin = out->len;
    size_t columns = 0;
    size_t last = begin; /* where the last column that stays begins, when some go */
    text_visible(out, text);
    for (size_t i = begin; i < out->len; i++) {
        if ((out->at[i] & 0xc0u) == 0x80)
            continue;
        columns++;
        last = columns == width ? i : last;
    }
    if (cut && columns > width) {
        out->len = last;
        buf_byte(out, '~');
        columns = width;
    }
    for (; columns < width; columns++)
        buf_byte(out, ' ');
}

static struct span first_name(const struct issuance *issuance, char ip[INET6_ADDRSTRLEN])
{
    /* "?" tells nobody anything. */
    bool told = issuance->name_count != 0 && !span_eq(issuance->names[0].text, SPAN_LIT("?"));
    if (!told && issuance->found_count != 0)
        return issuance->found[0].raw;
    if (issuance->name_count != 0)
        return name_text(&issuance->names[0], ip);
    return issuance->subject_cn.len != 0 ? issuance->subject_cn : SPAN_LIT("(no name)");
}

static void put_line(struct buf *out, const struct query_row *row, size_t columns)
{
    struct layout layout = layout_of(columns);
    const struct issuance *issuance = row->issuance;
    char from[TEXT_TIME_MAX];
    char to[TEXT_TIME_MAX];
    char ip[INET6_ADDRSTRLEN];
    (void)text_time(issuance->not_before * 1000, false, from);
    (void)text_time(issuance->not_after * 1000, false, to);
    buf_fmt(out, "%.10s  %.10s  ", from, to);
    put_visible(out, first_name(issuance, ip), layout.name, layout.cut);
    if (issuance->name_count > 1)
        buf_fmt(out, " +%-4zu ",
                issuance->name_count < 10000 || !layout.cut ? issuance->name_count - 1 : 9999);
    else
        buf_str(out, "       ");
    put_visible(out, row->issuer, layout.issuer, layout.cut);
    if (layout.serial) {
        buf_str(out, "  ");
        put_serial(out, issuance->serial);
    }
    buf_byte(out, '\n');
}

static bool begins_formula(struct span text)
{
    return text.len != 0 && text.at[0] != '\0' && strchr("=+-@\t\r", text.at[0]) != NULL;
}

/* `plain` is visible text, and no formula. */
static void put_quoted(struct buf *out, const struct buf *plain)
{
    bool quote = false;
    for (size_t i = 0; i < plain->len; i++)
        quote = quote || strchr("\",\r\n;'", plain->at[i]) != NULL;
    if (quote)
        buf_byte(out, '"');
    for (size_t i = 0; i < plain->len; i++) {
        if (plain->at[i] == '"')
            buf_byte(out, '"');
        buf_byte(out, plain->at[i]);
    }
    if (quote)
        buf_byte(out, '"');
    out->overflow = out->overflow || !buf_ok(plain);
}

void searchview_cell(struct buf *out, struct span text)
{
    struct buf plain;
    buf_init(&plain, CELL_MAX);
    if (begins_formula(text))
        buf_byte(&plain, '\'');
    text_visible(&plain, text);
    put_quoted(out, &plain);
    buf_fini(&plain);
}

/* Several in one cell are parted by a blank, which no name holds once it is visible; organisations by "; ".
 */
static void put_names(struct buf *out, const struct issuance *issuance, enum name_kind kind)
{
    struct buf list;
    char ip[INET6_ADDRSTRLEN];
    buf_init(&list, CELL_MAX);
    for (size_t i = 0; i < issuance->name_count; i++) {
        if (issuance->names[i].kind != kind)
            continue;
        if (list.len != 0)
            buf_byte(&list, ' ');
        buf_put(&list, name_text(&issuance->names[i], ip));
    }
    searchview_cell(out, buf_span(&list));
    buf_byte(out, ',');
    out->overflow = out->overflow || !buf_ok(&list);
    buf_fini(&list);
}

static void put_orgs(struct buf *out, const struct issuance *issuance)
{
    struct buf list;
    buf_init(&list, CELL_MAX);
    for (size_t i = 0; i < issuance->org_count; i++) {
        buf_str(&list, i == 0 ? "" : "; ");
        buf_put(&list, issuance->orgs[i]);
    }
    searchview_cell(out, buf_span(&list));
    buf_byte(out, ',');
    out->overflow = out->overflow || !buf_ok(&list);
    buf_fini(&list);
}

/* Escaped as they are stored: a blank inside of one is \\x20. */
static void put_found(struct buf *out, const struct issuance *issuance)
{
    struct buf list;
    struct buf plain;
    buf_init(&list, CELL_MAX);
    buf_init(&plain, CELL_MAX + 1);
    for (size_t i = 0; i < issuance->found_count; i++) {
        buf_str(&list, i == 0 ? "" : " ");
        others_put_escaped(&list, issuance->found[i].raw);
    }
    struct span text = buf_span(&list);
    size_t first = 0; /* a name without bytes leaves a blank */
    while (first < text.len && text.at[first] == ' ')
        first++;
    if (begins_formula(span_part(text, first, text.len)))
        buf_byte(&plain, '\'');
    buf_put(&plain, text);
    out->overflow = out->overflow || !buf_ok(&list);
    put_quoted(out, &plain);
    buf_fini(&plain);
    buf_fini(&list);
}

static void put_cell(struct buf *out, struct span text)
{
    searchview_cell(out, text);
    buf_byte(out, ',');
}

static void put_time(struct buf *out, int64_t unix_ms)
{
    char text[TEXT_TIME_MAX];
    put_cell(out, span_str(text_time(unix_ms, unix_ms % 1000 != 0, text)));
}

static void put_csv(struct buf *out, const struct query_row *row)
{
    const struct issuance *issuance = row->issuance;
    char hex[65];
    struct buf serial;
    buf_fmt(out, "%s,", text_hex(span_of(issuance->tbs_fp, 32), hex));
    buf_init(&serial, CELL_MAX);
    put_serial(&serial, issuance->serial);
    put_cell(out, buf_span(&serial));
    out->overflow = out->overflow || !buf_ok(&serial);
    buf_fini(&serial);
    put_cell(out, row->issuer);
    buf_fmt(out, "%" PRId32 ",", row->issuer_id);
    buf_fmt(out, "%s,",
            issuance->issuer_known ? text_hex(span_of(issuance->issuer_spki_sha256, 32), hex) : "");
    buf_fmt(out, "%s,", text_hex(span_of(issuance->spki_sha256, 32), hex));
    put_cell(out, issuance->subject_cn);
    put_time(out, issuance->not_before * 1000);
    put_time(out, issuance->not_after * 1000);
    put_names(out, issuance, NAME_DNS);
    put_names(out, issuance, NAME_IP);
    put_names(out, issuance, NAME_EMAIL);
    put_names(out, issuance, NAME_URI);
    put_orgs(out, issuance);
    buf_fmt(out, "%s,%s,%" PRIu64 ",%" PRIu64 ",", row->precert ? "true" : "false",
            row->final ? "true" : "false", row->sightings, row->unassigned);
    put_time(out, row->first_seen_ms);
    put_cell(out, span_str(row->log));
    buf_fmt(out, "%" PRIu64 ",%" PRId64 ",", row->index, row->id);
    put_found(out, issuance);
    buf_str(out, "\r\n");
}

void searchview_head(FILE *out, enum searchview_format format, size_t columns)
{
    struct layout layout = layout_of(columns);
    if (format == SEARCHVIEW_TABLE)
        fprintf(out, "%-10s  %-10s  %-*s %-6s%-*s%s\n", "not before", "not after", (int)layout.name, "name",
                "more", (int)layout.issuer, "issuer", layout.serial ? "  serial" : "");
    if (format == SEARCHVIEW_CSV)
        fputs(
            "tbs_fp,serial,issuer,issuer_id,issuer_spki_sha256,spki_sha256,subject_cn,not_before,not_after,"
            "names,ips,emails,uris,organisations,precert,final,sightings,sightings_unassigned,first_seen,log,"
            "index,id,raw_names\r\n",
            out);
}

void searchview_row(FILE *out, enum searchview_format format, size_t columns, const struct query_row *row)
{
    struct buf line;
    if (format == SEARCHVIEW_NDJSON) {
        write_json(out, row);
        return;
    }
    buf_init(&line, 2 * CELL_MAX);
    if (format == SEARCHVIEW_CSV)
        put_csv(&line, row);
    else
        put_line(&line, row, columns);
    must(buf_ok(&line));
    (void)fwrite(line.at, 1, line.len, out);
    buf_fini(&line);
}
