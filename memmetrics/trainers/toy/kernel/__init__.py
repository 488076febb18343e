"""The fused training step on the CPU, compiled by numba for each hidden size.

`shape`, `sparse`, `dense`, `rectified` and `step` are the kernel: Python that runs as
it stands. `unrolling` executes them again for one hidden size with the marked loops
written out, `compiling` has numba compile that, and `layout` lays out its arrays.
"""
