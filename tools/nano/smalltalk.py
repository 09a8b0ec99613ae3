def draw(rng, effort): return "Hello", "Hi!", ""
