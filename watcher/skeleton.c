#include "watcher/skeleton.h"

#include <pthread.h>
#include <unicode/uchar.h>
#include <unicode/uspoof.h>

#define SKELETON_UNITS (4 * SKELETON_MAX)

/* Immutable once it is open (ICU documents a const checker as safe for threads). NULL: ICU has no data. */
static USpoofChecker *checker;
static pthread_once_t checker_once = PTHREAD_ONCE_INIT;

static void checker_open(void)
{
    UErrorCode status = U_ZERO_ERROR;
    checker = uspoof_open(&status);
    if (U_FAILURE(status))
        checker = NULL;
}

static const uint8_t letters[128] = {
    ['0'] = 'o', ['1'] = 'l', ['2'] = 'z', ['3'] = 'e', ['4'] = 'a', ['5'] = 's', ['6'] = 'b',
    ['7'] = 't', ['8'] = 'b', ['9'] = 'g', ['i'] = 'l', ['|'] = 'l', ['q'] = 'g',
};

uint8_t skeleton_letter(uint8_t c)
{
    return c < 128 && letters[c] != 0 ? letters[c] : c;
}

uint8_t skeleton_pair(const uint8_t *rest, size_t len)
{
    if (len < 2)
        return 0;
    if (rest[0] == 'r' && rest[1] == 'n')
        return 'm';
    if (rest[0] == 'v' && rest[1] == 'v')
        return 'w';
    return rest[0] == 'c' && (rest[1] == 'l' || rest[1] == '1') ? 'd' : 0;
}

bool skeleton_is_alabel(struct span label)
{
    return span_starts(label, SPAN_LIT("xn--"));
}

static size_t ascii(const uint8_t *at, size_t len, bool pairs, uint8_t out[SKELETON_MAX])
{
    size_t made = 0;
    for (size_t i = 0; i < len && made < SKELETON_MAX; i++) {
        uint8_t pair = pairs ? skeleton_pair(at + i, len - i) : 0;
        out[made++] = pair != 0 ? pair : skeleton_letter(at[i]);
        i += pair != 0;
    }
    return made;
}

/* RFC 3492 sections 5 and 6.1. */
enum { BASE = 36, T_MIN = 1, T_MAX = 26, SKEW = 38, DAMP = 700, BIAS = 72, FIRST = 128 };

static uint32_t adapt(uint32_t delta, uint32_t points, bool first)
{
    uint32_t k = 0;
    delta = first ? delta / DAMP : delta / 2;
    for (delta += delta / points; delta > ((BASE - T_MIN) * T_MAX) / 2; k += BASE)
        delta /= BASE - T_MIN;
    return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

static uint32_t digit(uint8_t c)
{
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a');
    return c >= '0' && c <= '9' ? (uint32_t)(c - '0') + 26 : BASE;
}

/* One number of variable length added to *i; false: it is not well-formed or too large. */
static bool delta_read(struct span text, size_t *at, uint32_t bias, uint32_t *i)
{
    uint64_t weight = 1;
    for (uint32_t k = BASE;; k += BASE) {
        uint32_t value = *at < text.len ? digit(text.at[*at]) : BASE;
        if (value >= BASE)
            return false;
        ++*at;
        uint64_t sum = *i + value * weight;
        if (sum > UINT32_MAX / 2)
            return false;
        *i = (uint32_t)sum;
        uint32_t threshold = k <= bias ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias;
        if (value < threshold)
            return true;
        weight *= BASE - threshold;
        if (weight > UINT32_MAX / 2)
            return false;
    }
}

static size_t punycode(struct span text, uint32_t out[SKELETON_MAX])
{
    size_t count = 0;
    size_t at = 0;
    uint32_t code = FIRST;
    uint32_t bias = BIAS;
    uint32_t i = 0;
    for (size_t k = text.len; k-- > 0 && at == 0;)
        at = text.at[k] == '-' ? k : 0;
    if (at >= SKELETON_MAX)
        return 0;
    for (; count < at; count++)
        out[count] = text.at[count];
    at += at != 0;
    while (at < text.len) {
        uint32_t before = i;
        if (count == SKELETON_MAX || !delta_read(text, &at, bias, &i))
            return 0;
        uint32_t points = (uint32_t)count + 1;
        bias = adapt(i - before, points, before == 0);
        code += i / points;
        i %= points;
        if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return 0;
        memmove(out + i + 1, out + i, (count - i) * sizeof *out);
        out[i++] = code;
        count++;
    }
    return count;
}

size_t skeleton_decode(struct span label, uint32_t out[SKELETON_MAX])
{
    if (skeleton_is_alabel(label))
        return punycode(span_part(label, 4, label.len), out);
    if (label.len > SKELETON_MAX)
        return 0;
    for (size_t i = 0; i < label.len; i++)
        out[i] = label.at[i];
    return label.len;
}

/* Small capitals stand at the end of many of TR39's chains (of Cyrillic and Greek letters, too), and look
 * like letters to everybody but TR39. */
static uint8_t small_capital(uint32_t code)
{
    static const struct {
        uint16_t code;
        char letter;
    } rows[] = {
        {0x1d00, 'a'}, {0x0299, 'b'}, {0x1d04, 'c'}, {0x1d05, 'd'}, {0x1d07, 'e'}, {0xa730, 'f'},
        {0x0262, 'g'}, {0x029c, 'h'}, {0x026a, 'l'}, {0x1d0a, 'j'}, {0x1d0b, 'k'}, {0x029f, 'l'},
        {0x1d0d, 'm'}, {0x0274, 'n'}, {0x1d0f, 'o'}, {0x1d18, 'p'}, {0x0280, 'r'}, {0xa731, 's'},
        {0x1d1b, 't'}, {0x1d1c, 'u'}, {0x1d20, 'v'}, {0x1d21, 'w'}, {0x028f, 'y'}, {0x1d22, 'z'},
        {0x0138, 'k'}, {0x0251, 'a'}, {0x0261, 'g'}, {0x0131, 'l'}, {0x03ba, 'k'}, {0x043a, 'k'},
        {0x03bd, 'v'}, {0x03c5, 'u'}, {0x03c4, 't'}, {0x0442, 't'}, {0x0432, 'b'}, {0x043d, 'h'},
        {0x043c, 'm'}, {0x03b7, 'n'}, {0x043f, 'n'}, {0x0438, 'u'}, {0x03b5, 'e'}, {0x0437, 'e'},
        {0x03c9, 'w'}, {0x0448, 'w'}, {0x026f, 'w'}, {0x0142, 'l'}, {0x00f8, 'o'}, {0x0111, 'd'},
        {0x0127, 'h'}, {0x0167, 't'}, {0x00e6, 'a'}, {0x00df, 'b'}, {0x03b2, 'b'}, {0x0180, 'b'},
        {0x017f, 'f'}, {0x0192, 'f'}, {0x0457, 'l'}, {0x0491, 'r'}, {0x0433, 'r'}, {0x0269, 'l'},
    };
    for (size_t i = 0; i < countof(rows); i++) {
        if (rows[i].code == code)
            return (uint8_t)rows[i].letter;
    }
    return 0;
}

/* 0: it can not be seen, or is an accent. */
static uint8_t seen_as(uint32_t code)
{
    if (code < 128)
        return (uint8_t)(code >= 'A' && code <= 'Z' ? code + 32 : code);
    int8_t type = u_charType((UChar32)code);
    if (type == U_NON_SPACING_MARK || type == U_ENCLOSING_MARK || type == U_FORMAT_CHAR)
        return 0;
    uint8_t letter = small_capital(code);
    return letter != 0 ? letter : SKELETON_MORE;
}

static uint32_t unit_next(const UChar *units, int32_t count, int32_t *at)
{
    uint32_t lead = units[(*at)++];
    if (!U16_IS_LEAD(lead) || *at == count || !U16_IS_TRAIL(units[*at]))
        return lead;
    return 0x10000 + ((lead & 0x3ff) << 10) + (units[(*at)++] & 0x3ffu);
}

static size_t unicode(const uint32_t *codes, size_t count, bool pairs, uint8_t out[SKELETON_MAX])
{
    UChar label[2 * SKELETON_MAX];
    UChar skeleton[SKELETON_UNITS];
    uint8_t plain[SKELETON_UNITS];
    UErrorCode status = U_ZERO_ERROR;
    int32_t units = 0;
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t own = small_capital(codes[i]);
        UChar32 code = own != 0 ? own : (UChar32)codes[i];
        U16_APPEND_UNSAFE(label, units, code);
    }
    int32_t made = uspoof_getSkeleton(checker, 0, label, units, skeleton, SKELETON_UNITS, &status);
    if (U_FAILURE(status))
        return 0;
    for (int32_t at = 0; at < made;) {
        uint8_t letter = seen_as(unit_next(skeleton, made, &at));
        if (letter != 0)
            plain[len++] = letter;
    }
    /* TR39 writes "rn" for "m". */
    size_t joined = 0;
    for (size_t i = 0; i < len && !pairs; i++) {
        bool m = skeleton_pair(plain + i, len - i) == 'm';
        plain[joined++] = m ? 'm' : plain[i];
        i += m;
    }
    return ascii(plain, pairs ? len : joined, pairs, out);
}

size_t skeleton_of(struct span label, bool pairs, uint8_t out[SKELETON_MAX])
{
    uint32_t codes[SKELETON_MAX];
    size_t made = 0;
    if (!skeleton_is_alabel(label))
        return ascii(label.at, label.len, pairs, out);
    size_t count = skeleton_decode(label, codes);
    (void)pthread_once(&checker_once, checker_open);
    if (count != 0 && checker != NULL)
        made = unicode(codes, count, pairs, out);
    return made != 0 ? made : ascii(label.at, label.len, pairs, out);
}

const char *skeleton_name(uint32_t code, char *out, size_t out_cap)
{
    UErrorCode status = U_ZERO_ERROR;
    must(out_cap > 1);
    int32_t len = u_charName((UChar32)code, U_UNICODE_CHAR_NAME, out, (int32_t)out_cap - 1, &status);
    out[U_FAILURE(status) || len < 0 || (size_t)len >= out_cap ? 0 : len] = '\0';
    return out;
}
