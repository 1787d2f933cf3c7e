#include "base/text.h"

static const char hex_digits[] = "0123456789abcdef";

char *text_hex(struct span bytes, char *out)
{
    for (size_t i = 0; i < bytes.len; i++) {
        out[2 * i] = hex_digits[bytes.at[i] >> 4];
        out[2 * i + 1] = hex_digits[bytes.at[i] & 15];
    }
    out[2 * bytes.len] = 0;
    return out;
}

static int hex_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool text_unhex(struct span hex, uint8_t *out, size_t size)
{
    if (size > SIZE_MAX / 2 || hex.len != 2 * size)
        return false;
    for (size_t i = 0; i < size; i++) {
        int high = hex_value(hex.at[2 * i]);
        int low = hex_value(hex.at[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t text_base64(struct span bytes, char *out)
{
    size_t at = 0;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t word = (uint32_t)bytes.at[i] << 16;
        word |= left > 1 ? (uint32_t)bytes.at[i + 1] << 8 : 0;
        word |= left > 2 ? bytes.at[i + 2] : 0;
        out[at++] = base64_digits[word >> 18];
        out[at++] = base64_digits[word >> 12 & 63];
        out[at++] = left > 1 ? base64_digits[word >> 6 & 63] : '=';
        out[at++] = left > 2 ? base64_digits[word & 63] : '=';
    }
    out[at] = 0;
    return at;
}

static int base64_value(uint8_t digit)
{
    if (digit >= 'A' && digit <= 'Z')
        return digit - 'A';
    if (digit >= 'a' && digit <= 'z')
        return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9')
        return digit - '0' + 52;
    if (digit == '+')
        return 62;
    return digit == '/' ? 63 : -1;
}

bool text_unbase64(struct span text, uint8_t *out, size_t out_cap, size_t *out_len)
{
    size_t pad = 0, at = 0;
    if (text.len % 4 != 0)
        return false;
    while (pad < 2 && pad < text.len && text.at[text.len - 1 - pad] == '=')
        pad++;
    if (text.len / 4 * 3 - pad > out_cap)
        return false;
    for (size_t i = 0; i < text.len; i += 4) {
        size_t missing = i + 4 == text.len ? pad : 0;
        uint32_t word = 0;
        for (size_t k = 0; k < 4; k++) {
            int value = k < 4 - missing ? base64_value(text.at[i + k]) : 0;
            if (value < 0)
                return false;
            word = word << 6 | (uint32_t)value;
        }
        /* The bits behind the last octet must be zero: one text for one value. */
        if ((word & ((1u << (8 * missing)) - 1)) != 0)
            return false;
        for (size_t k = 0; k < 3 - missing; k++)
            out[at++] = (uint8_t)(word >> (16 - 8 * k));
    }
    *out_len = at;
    return true;
}

/* Length of the well-formed UTF-8 sequence at the front (RFC 3629) and its code point; 0 when there is none.
 */
static size_t utf8_front(struct span bytes, uint32_t *code)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = bytes.at[0];
    size_t len = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : 4;
    if (len > bytes.len || (first >= 0x80 && first < 0xc2) || first > 0xf4)
        return 0;
    *code = len == 1 ? first : first & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((bytes.at[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (bytes.at[i] & 0x3fu);
    }
    if (*code < least[len] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
        return 0;
    return len;
}

bool text_is_utf8(struct span bytes)
{
    uint32_t code;
    while (bytes.len > 0) {
        size_t len = utf8_front(bytes, &code);
        if (len == 0)
            return false;
        bytes = span_part(bytes, len, bytes.len);
    }
    return true;
}

/* Code points that are not seen or that change how their neighbours are seen: C0, C1, DEL, bidirectional and
 * zero width controls, line and paragraph separators, soft hyphen, variation selectors, tags. */
static bool deceives(uint32_t code)
{
    static const uint32_t ranges[][2] = {
        {0x0, 0x1f},      {0x7f, 0x9f},     {0xad, 0xad},       {0x34f, 0x34f},   {0x61c, 0x61c},
        {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f},   {0x200b, 0x200f}, {0x2028, 0x202e},
        {0x2060, 0x206f}, {0x3164, 0x3164}, {0xfe00, 0xfe0f},   {0xfeff, 0xfeff}, {0xffa0, 0xffa0},
        {0xfff9, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe0fff},
    };
    for (size_t i = 0; i < countof(ranges) && code >= ranges[i][0]; i++)
        if (code <= ranges[i][1])
            return true;
    return false;
}

/* Writes the visible form of what stands in front into out (at most 4 bytes) or, for code points that
 * deceive, one escape per byte; *eaten tells how much was read. Returns the length written, at most 16. */
static size_t visible_front(struct span bytes, char out[16], size_t *eaten)
{
    uint32_t code = 0;
    size_t len = utf8_front(bytes, &code);
    if (len != 0 && code == '\\') {
        memcpy(out, "\\\\", 2);
        *eaten = 1;
        return 2;
    }
    if (len != 0 && !deceives(code)) {
        memcpy(out, bytes.at, len);
        *eaten = len;
        return len;
    }
    *eaten = len == 0 ? 1 : len;
    for (size_t i = 0; i < *eaten; i++) {
        out[4 * i] = '\\';
        out[4 * i + 1] = 'x';
        out[4 * i + 2] = hex_digits[bytes.at[i] >> 4];
        out[4 * i + 3] = hex_digits[bytes.at[i] & 15];
    }
    return 4 * *eaten;
}

void text_visible(struct buf *out, struct span bytes)
{
    char piece[16];
    size_t eaten;
    while (bytes.len > 0 && buf_ok(out)) {
        size_t len = visible_front(bytes, piece, &eaten);
        buf_put(out, span_of(piece, len));
        bytes = span_part(bytes, eaten, bytes.len);
    }
}

void text_json(struct buf *out, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = bytes.at[i];
        if (byte < 0x20 || byte >= 0x7f || byte == '"' || byte == '\\')
            buf_fmt(out, "\\u%04x", byte);
        else
            buf_byte(out, byte);
    }
}

char *text_visible_str(struct span bytes, char *out, size_t out_cap)
{
    char piece[16];
    size_t eaten, at = 0, cut = 0;
    must(out_cap >= 4);
    while (bytes.len > 0) {
        size_t len = visible_front(bytes, piece, &eaten);
        if (at + len >= out_cap)
            break;
        memcpy(out + at, piece, len);
        at += len;
        /* The last place where a piece ends and "..." still fits. */
        if (at + 3 < out_cap)
            cut = at;
        bytes = span_part(bytes, eaten, bytes.len);
    }
    if (bytes.len > 0) {
        memcpy(out + cut, "...", 3);
        at = cut + 3;
    }
    out[at] = 0;
    return out;
}

char *text_lower(const char *text, char *out, size_t out_cap)
{
    size_t len = strlen(text);
    must(len < out_cap);
    for (size_t i = 0; i <= len; i++)
        out[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] | 0x20) : text[i];
    return out;
}

bool text_uint(struct span text, uint64_t *value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)text.at[i] - '0';
        if (digit > 9 || sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    if (text.len == 0)
        return false;
    *value = sum;
    return true;
}

bool text_int(struct span text, int64_t *value)
{
    uint64_t size;
    bool negative = text.len > 0 && text.at[0] == '-';
    if (!text_uint(negative ? span_part(text, 1, text.len) : text, &size))
        return false;
    if (size > (uint64_t)INT64_MAX + negative)
        return false;
    *value = negative ? (int64_t)(0 - size) : (int64_t)size;
    return true;
}

/* Years are counted from March, so that the leap day is the last one; 400 years are 146097 days. */
int64_t text_days(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void text_date(int64_t days, int64_t *year, int *month, int *day)
{
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    *month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

char *text_time(int64_t unix_ms, bool with_ms, char *out)
{
    int64_t days = unix_ms / 86400000, ms = unix_ms % 86400000, year;
    int month, day, len;
    if (ms < 0) {
        ms += 86400000;
        days--;
    }
    text_date(days, &year, &month, &day);
    const char *sign = year < 0 ? "-" : year > 9999 ? "+" : "";
    len = snprintf(out, TEXT_TIME_MAX, "%s%04" PRId64 "-%02d-%02dT%02d:%02d:%02d", sign,
                   year < 0 ? -year : year, month, day, (int)(ms / 3600000), (int)(ms / 60000 % 60),
                   (int)(ms / 1000 % 60));
    must(len > 0 && len + 5 < TEXT_TIME_MAX);
    if (with_ms)
        (void)snprintf(out + len, (size_t)(TEXT_TIME_MAX - len), ".%03dZ", (int)(ms % 1000));
    else
        (void)snprintf(out + len, (size_t)(TEXT_TIME_MAX - len), "Z");
    return out;
}

/* `count` digits at the front of *text, then `stop` (0: none), as a number in [min, max]. */
static bool take_field(struct span *text, size_t count, char stop, int min, int max, int *value)
{
    uint64_t number;
    size_t need = count + (stop != 0);
    if (text->len < need || !text_uint(span_part(*text, 0, count), &number))
        return false;
    if (stop != 0 && text->at[count] != (uint8_t)stop)
        return false;
    *text = span_part(*text, need, text->len);
    *value = (int)number;
    return *value >= min && *value <= max;
}

/* ".123" with any number of digits; what is finer than a millisecond is dropped. */
static bool take_fraction(struct span *text, int64_t *ms)
{
    static const int scale[3] = {100, 10, 1};
    size_t digits = 0;
    if (text->len == 0 || text->at[0] != '.')
        return true;
    *text = span_part(*text, 1, text->len);
    for (; digits < text->len && text->at[digits] >= '0' && text->at[digits] <= '9'; digits++)
        if (digits < 3)
            *ms += (text->at[digits] - '0') * scale[digits];
    *text = span_part(*text, digits, text->len);
    return digits > 0;
}

/* "Z", "+hh:mm", "-hh:mm", or nothing: UTC. */
static bool take_zone(struct span text, int *minutes)
{
    int hour, minute;
    *minutes = 0;
    if (text.len == 0 || span_eq(text, SPAN_LIT("Z")) || span_eq(text, SPAN_LIT("z")))
        return true;
    bool west = text.at[0] == '-';
    if (!west && text.at[0] != '+')
        return false;
    text = span_part(text, 1, text.len);
    if (!take_field(&text, 2, ':', 0, 23, &hour) || !take_field(&text, 2, 0, 0, 59, &minute) || text.len != 0)
        return false;
    *minutes = (hour * 60 + minute) * (west ? -1 : 1);
    return true;
}

static bool is_day(int year, int month, int day)
{
    static const int lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= lengths[month - 1] + (month == 2 && leap);
}

bool text_parse_time(struct span text, int64_t *unix_ms)
{
    int year, month, day, hour = 0, minute = 0, second = 0, zone = 0;
    int64_t ms = 0;
    if (!take_field(&text, 4, '-', 0, 9999, &year) || !take_field(&text, 2, '-', 1, 12, &month) ||
        !take_field(&text, 2, 0, 1, 31, &day) || !is_day(year, month, day))
        return false;
    if (text.len != 0) {
        if (text.at[0] != 'T' && text.at[0] != 't')
            return false;
        text = span_part(text, 1, text.len);
        if (!take_field(&text, 2, ':', 0, 23, &hour) || !take_field(&text, 2, 0, 0, 59, &minute))
            return false;
        if (text.len != 0 && text.at[0] == ':') {
            text = span_part(text, 1, text.len);
            /* 60 is a leap second (RFC 3339 section 5.6): the next minute's first. */
            if (!take_field(&text, 2, 0, 0, 60, &second) || !take_fraction(&text, &ms))
                return false;
        }
        if (!take_zone(text, &zone))
            return false;
    }
    int64_t seconds = text_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - zone * 60;
    *unix_ms = seconds * 1000 + ms;
    return true;
}
