// Softmax over causal, windowed keys with a sink logit in the denominator: forward and
// backward for one thread, on bfloat16 rows. Query i of `queries` sits at position
// `offset + i`; key j sits at position j. Masked weights are written as zero.
#include <cmath>
#include <cstdint>
#include <cstring>

static inline float widen(uint16_t x) {
    uint32_t bits = uint32_t(x) << 16;
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
}

static inline uint16_t narrow(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

struct Span { int64_t from, to; };

static inline Span allowed(int64_t position, int64_t window) {
    return {window && position >= window ? position - window + 1 : 0, position + 1};
}

extern "C" void softmax_forward(const uint16_t* scores, const float* sinks, uint16_t* weights, int64_t batch,
                                int64_t heads, int64_t queries, int64_t keys, int64_t offset, int64_t window) {
    float row[4096];
    for (int64_t r = 0; r < batch * heads * queries; r++) {
        const uint16_t* s = scores + r * keys;
        uint16_t* w = weights + r * keys;
        const float sink = sinks[r / queries % heads];
        const Span span = allowed(offset + r % queries, window);
        float top = sink, sum = 0;
        for (int64_t j = span.from; j < span.to; j++) { row[j] = widen(s[j]); top = row[j] > top ? row[j] : top; }
        for (int64_t j = span.from; j < span.to; j++) { row[j] = expf(row[j] - top); sum += row[j]; }
        const float inverse = 1 / (sum + expf(sink - top));
        std::memset(w, 0, span.from * 2);
        for (int64_t j = span.from; j < span.to; j++) w[j] = narrow(row[j] * inverse);
        std::memset(w + span.to, 0, (keys - span.to) * 2);
    }
}

extern "C" void softmax_backward(const uint16_t* weights, const uint16_t* grads, uint16_t* out, float* sink_grads,
                                 int64_t batch, int64_t heads, int64_t queries, int64_t keys, int64_t offset,
                                 int64_t window) {
    for (int64_t r = 0; r < batch * heads * queries; r++) {
        const uint16_t *w = weights + r * keys, *g = grads + r * keys;
        uint16_t* d = out + r * keys;
        const Span span = allowed(offset + r % queries, window);
        float dot = 0, sum = 0;
        for (int64_t j = span.from; j < span.to; j++) { dot += widen(w[j]) * widen(g[j]); sum += widen(w[j]); }
        std::memset(d, 0, span.from * 2);
        for (int64_t j = span.from; j < span.to; j++) d[j] = narrow(widen(w[j]) * (widen(g[j]) - dot));
        std::memset(d + span.to, 0, (keys - span.to) * 2);
        sink_grads[r / queries % heads] -= (1 - sum) * dot;
    }
}

// Clamped SwiGLU of `count` interleaved (gate, linear) bfloat16 pairs, read as one 32-bit word each.
static inline float low_half(uint32_t pair) { return widen(uint16_t(pair & 0xffff)); }

static inline float high_half(uint32_t pair) {
    uint32_t bits = pair & 0xffff0000u;
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
}

extern "C" void swiglu_forward(const uint32_t* pairs, uint16_t* out, int64_t count, float limit) {
    for (int64_t i = 0; i < count; i++) {
        float gate = low_half(pairs[i]), linear = high_half(pairs[i]);
        gate = gate > limit ? limit : gate;
        linear = linear > limit ? limit : linear < -limit ? -limit : linear;
        out[i] = narrow(gate / (1 + expf(-1.702f * gate)) * (linear + 1));
    }
}

extern "C" void swiglu_backward(const uint32_t* pairs, const uint16_t* grads, uint32_t* out, int64_t count,
                                float limit) {
    for (int64_t i = 0; i < count; i++) {
        const float raw_gate = low_half(pairs[i]), raw_linear = high_half(pairs[i]), g = widen(grads[i]);
        const float gate = raw_gate > limit ? limit : raw_gate;
        const float linear = raw_linear > limit ? limit : raw_linear < -limit ? -limit : raw_linear;
        const float sigmoid = 1 / (1 + expf(-1.702f * gate));
        const float slope = sigmoid * (1 + 1.702f * gate * (1 - sigmoid));
        const float d_gate = raw_gate > limit ? 0 : g * (linear + 1) * slope;
        const float d_linear = raw_linear > limit || raw_linear < -limit ? 0 : g * gate * sigmoid;
        out[i] = uint32_t(narrow(d_gate)) | uint32_t(narrow(d_linear)) << 16;
    }
}
