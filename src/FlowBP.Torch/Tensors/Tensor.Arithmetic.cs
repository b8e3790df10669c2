using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

public static partial class torch
{
    // Arithmetic and comparison, element by element and as matrices.
    public partial class Tensor
    {
        /// <summary>|x|, element by element.</summary>
        public Tensor abs() => Aten.abs.Call(this);

        /// <summary>−x, element by element.</summary>
        public Tensor neg() => Aten.neg.Call(this);

        /// <summary>eˣ, element by element.</summary>
        public Tensor exp() => Aten.exp.Call(this);

        /// <summary>Natural logarithm, element by element.</summary>
        public Tensor log() => Aten.log.Call(this);

        /// <summary>ln(1 + x), element by element.</summary>
        public Tensor log1p() => Aten.log1p.Call(this);

        /// <summary>eˣ − 1, element by element.</summary>
        public Tensor expm1() => Aten.expm1.Call(this);

        /// <summary>Logarithm to base 2, element by element.</summary>
        public Tensor log2() => Aten.log2.Call(this);

        /// <summary>Logarithm to base 10, element by element.</summary>
        public Tensor log10() => Aten.log10.Call(this);

        /// <summary>Integer part, element by element.</summary>
        public Tensor trunc() => Aten.trunc.Call(this);

        /// <summary>Tangent (radians), element by element.</summary>
        public Tensor tan() => Aten.tan.Call(this);

        /// <summary>Inverse sine (radians), element by element.</summary>
        public Tensor asin() => Aten.asin.Call(this);

        /// <summary>Inverse cosine (radians), element by element.</summary>
        public Tensor acos() => Aten.acos.Call(this);

        /// <summary>Inverse tangent (radians), element by element.</summary>
        public Tensor atan() => Aten.atan.Call(this);

        /// <summary>Hyperbolic sine, element by element.</summary>
        public Tensor sinh() => Aten.sinh.Call(this);

        /// <summary>Hyperbolic cosine, element by element.</summary>
        public Tensor cosh() => Aten.cosh.Call(this);

        /// <summary>x·sigmoid(x), element by element.</summary>
        public Tensor silu() => Aten.silu.Call(this);

        /// <summary>x·Φ(x), element by element.</summary>
        public Tensor gelu() => Aten.gelu.Call(this);

        /// <summary>√x, element by element.</summary>
        public Tensor sqrt() => Aten.sqrt.Call(this);

        /// <summary>1/√x, element by element.</summary>
        public Tensor rsqrt() => Aten.rsqrt.Call(this);

        /// <summary>Sine (radians), element by element.</summary>
        public Tensor sin() => Aten.sin.Call(this);

        /// <summary>Cosine (radians), element by element.</summary>
        public Tensor cos() => Aten.cos.Call(this);

        /// <summary>Hyperbolic tangent, element by element.</summary>
        public Tensor tanh() => Aten.tanh.Call(this);

        /// <summary>1/(1 + e⁻ˣ), element by element.</summary>
        public Tensor sigmoid() => Aten.sigmoid.Call(this);

        /// <summary>max(0, x), element by element.</summary>
        public Tensor relu() => Aten.relu.Call(this);

        /// <summary>Largest integer ≤ x, element by element.</summary>
        public Tensor floor() => Aten.floor.Call(this);

        /// <summary>Smallest integer ≥ x, element by element.</summary>
        public Tensor ceil() => Aten.ceil.Call(this);

        /// <summary>Nearest integer, half to even, element by element.</summary>
        public Tensor round() => Aten.round.Call(this);

        /// <summary>−1, 0 or 1, element by element.</summary>
        public Tensor sign() => Aten.sign.Call(this);

        /// <summary>x², element by element.</summary>
        public Tensor square() => Aten.square.Call(this);

        /// <summary>1/x, element by element.</summary>
        public Tensor reciprocal() => Aten.reciprocal.Call(this);

        /// <summary>The error function, element by element.</summary>
        public Tensor erf() => Aten.erf.Call(this);

        /// <summary>Where the element is not a number, element by element.</summary>
        public Tensor isnan() => Aten.isnan.Call(this);

        /// <summary>Where the element is finite, element by element.</summary>
        public Tensor isfinite() => Aten.isfinite.Call(this);

        /// <summary>Where the element is infinite, element by element.</summary>
        public Tensor isinf() => Aten.isinf.Call(this);

        /// <summary>Where the element is zero, element by element.</summary>
        public Tensor logical_not() => Aten.logical_not.Call(this);

        /// <summary><see cref="abs"/> in place.</summary>
        public Tensor abs_() => Aten.abs_.CallInPlace(this, this);

        /// <summary><see cref="neg"/> in place.</summary>
        public Tensor neg_() => Aten.neg_.CallInPlace(this, this);

        /// <summary><see cref="exp"/> in place.</summary>
        public Tensor exp_() => Aten.exp_.CallInPlace(this, this);

        /// <summary><see cref="log"/> in place.</summary>
        public Tensor log_() => Aten.log_.CallInPlace(this, this);

        /// <summary><see cref="sqrt"/> in place.</summary>
        public Tensor sqrt_() => Aten.sqrt_.CallInPlace(this, this);

        /// <summary><see cref="rsqrt"/> in place.</summary>
        public Tensor rsqrt_() => Aten.rsqrt_.CallInPlace(this, this);

        /// <summary><see cref="tanh"/> in place.</summary>
        public Tensor tanh_() => Aten.tanh_.CallInPlace(this, this);

        /// <summary><see cref="sigmoid"/> in place.</summary>
        public Tensor sigmoid_() => Aten.sigmoid_.CallInPlace(this, this);

        /// <summary><see cref="relu"/> in place.</summary>
        public Tensor relu_() => Aten.relu_.CallInPlace(this, this);

        /// <summary><see cref="round"/> in place.</summary>
        public Tensor round_() => Aten.round_.CallInPlace(this, this);

        /// <summary><see cref="reciprocal"/> in place.</summary>
        public Tensor reciprocal_() => Aten.reciprocal_.CallInPlace(this, this);

        /// <summary>Sets every element to zero.</summary>
        public Tensor zero_() => Aten.zero_.CallInPlace(this, this);

        /// <summary>Sets every element to a number.</summary>
        public Tensor fill_(Scalar value) => Aten.fill_.CallInPlace(this, this, value);

        /// <summary>self + alpha·target, broadcast.</summary>
        public Tensor add(Tensor target, Scalar alpha) => Aten.add.Call(this, target, alpha);

        /// <summary>self + target, broadcast.</summary>
        public Tensor add(Tensor target) => Aten.add.Call(this, target);

        /// <summary>self + scalar.</summary>
        public Tensor add(Scalar scalar) => Aten.add_scalar.Call(this, scalar);

        /// <summary>self += alpha·target.</summary>
        public Tensor add_(Tensor target, Scalar alpha) => Aten.add_.CallInPlace(this, this, target, alpha);

        /// <summary>self += target.</summary>
        public Tensor add_(Tensor target) => Aten.add_.CallInPlace(this, this, target);

        /// <summary>self += scalar.</summary>
        public Tensor add_(Scalar scalar) => Aten.add_scalar_.CallInPlace(this, this, scalar);

        /// <summary>self − alpha·target, broadcast.</summary>
        public Tensor sub(Tensor target, Scalar alpha) => Aten.sub.Call(this, target, alpha);

        /// <summary>self − target, broadcast.</summary>
        public Tensor sub(Tensor target) => Aten.sub.Call(this, target);

        /// <summary>self − scalar.</summary>
        public Tensor sub(Scalar scalar) => Aten.sub_scalar.Call(this, scalar);

        /// <summary>self −= alpha·target.</summary>
        public Tensor sub_(Tensor target, Scalar alpha) => Aten.sub_.CallInPlace(this, this, target, alpha);

        /// <summary>self −= target.</summary>
        public Tensor sub_(Tensor target) => Aten.sub_.CallInPlace(this, this, target);

        /// <summary>self −= scalar.</summary>
        public Tensor sub_(Scalar scalar) => Aten.sub_scalar_.CallInPlace(this, this, scalar);

        /// <summary>self · target, broadcast.</summary>
        public Tensor mul(Tensor target) => Aten.mul.Call(this, target);

        /// <summary>self · scalar.</summary>
        public Tensor mul(Scalar target) => Aten.mul_scalar.Call(this, target);

        /// <summary>self ·= target.</summary>
        public Tensor mul_(Tensor target) => Aten.mul_.CallInPlace(this, this, target);

        /// <summary>self ·= scalar.</summary>
        public Tensor mul_(Scalar target) => Aten.mul_scalar_.CallInPlace(this, this, target);

        /// <summary>self / target, broadcast.</summary>
        public Tensor div(Tensor target) => Aten.div.Call(this, target);

        /// <summary>self / scalar.</summary>
        public Tensor div(Scalar target) => Aten.div_scalar.Call(this, target);

        /// <summary>self /= target.</summary>
        public Tensor div_(Tensor target) => Aten.div_.CallInPlace(this, this, target);

        /// <summary>self /= scalar.</summary>
        public Tensor div_(Scalar target) => Aten.div_scalar_.CallInPlace(this, this, target);

        /// <summary>Where self = target.</summary>
        public Tensor eq(Tensor target) => Aten.eq.Call(this, target);

        /// <summary>Where self = target.</summary>
        public Tensor eq(Scalar target) => Aten.eq_scalar.Call(this, target);

        /// <summary>Where self ≠ target.</summary>
        public Tensor ne(Tensor target) => Aten.ne.Call(this, target);

        /// <summary>Where self ≠ target.</summary>
        public Tensor ne(Scalar target) => Aten.ne_scalar.Call(this, target);

        /// <summary>Where self &lt; target.</summary>
        public Tensor lt(Tensor target) => Aten.lt.Call(this, target);

        /// <summary>Where self &lt; target.</summary>
        public Tensor lt(Scalar target) => Aten.lt_scalar.Call(this, target);

        /// <summary>Where self ≤ target.</summary>
        public Tensor le(Tensor target) => Aten.le.Call(this, target);

        /// <summary>Where self ≤ target.</summary>
        public Tensor le(Scalar target) => Aten.le_scalar.Call(this, target);

        /// <summary>Where self &gt; target.</summary>
        public Tensor gt(Tensor target) => Aten.gt.Call(this, target);

        /// <summary>Where self &gt; target.</summary>
        public Tensor gt(Scalar target) => Aten.gt_scalar.Call(this, target);

        /// <summary>Where self ≥ target.</summary>
        public Tensor ge(Tensor target) => Aten.ge.Call(this, target);

        /// <summary>Where self ≥ target.</summary>
        public Tensor ge(Scalar target) => Aten.ge_scalar.Call(this, target);

        /// <summary>Where both are nonzero.</summary>
        public Tensor logical_and(Tensor other) => Aten.logical_and.Call(this, other);

        /// <summary>Where either is nonzero.</summary>
        public Tensor logical_or(Tensor other) => Aten.logical_or.Call(this, other);

        /// <summary>Where exactly one is nonzero.</summary>
        public Tensor logical_xor(Tensor other) => Aten.logical_xor.Call(this, other);

        /// <summary>The larger of two elements.</summary>
        public Tensor maximum(Tensor other) => Aten.maximum.Call(this, other);

        /// <summary>The smaller of two elements.</summary>
        public Tensor minimum(Tensor other) => Aten.minimum.Call(this, other);

        /// <summary>The matrix product, batched and broadcast.</summary>
        public Tensor matmul(Tensor target) => Aten.matmul.Call(this, target);

        /// <summary>The product of two matrices.</summary>
        public Tensor mm(Tensor target) => Aten.mm.Call(this, target);

        /// <summary>The products of two batches of matrices.</summary>
        public Tensor bmm(Tensor batch2) => Aten.bmm.Call(this, batch2);

        /// <summary>The outer product of two vectors.</summary>
        public Tensor outer(Tensor vec2) => Aten.outer.Call(this, vec2);

        /// <summary>The inner product of two vectors.</summary>
        public Tensor dot(Tensor target) => Aten.dot.Call(this, target);

        /// <summary>The remainder with the divisor's sign.</summary>
        public Tensor remainder(Scalar scalar) => Aten.remainder_scalar.Call(this, scalar);

        /// <summary>The remainder with the divisor's sign, broadcast.</summary>
        public Tensor remainder(Tensor target) => Aten.remainder.Call(this, target);

        /// <summary>The remainder with the dividend's sign.</summary>
        public Tensor fmod(Scalar scalar) => Aten.fmod_scalar.Call(this, scalar);

        /// <summary>The remainder with the dividend's sign, broadcast.</summary>
        public Tensor fmod(Tensor target) => Aten.fmod.Call(this, target);

        /// <summary>The quotient rounded down.</summary>
        public Tensor floor_divide(Scalar other) => Aten.floor_divide_scalar.Call(this, other);

        /// <summary>The quotient rounded down, broadcast.</summary>
        public Tensor floor_divide(Tensor other) => Aten.floor_divide.Call(this, other);

        /// <summary>The angle of (other, self), in radians.</summary>
        public Tensor atan2(Tensor other) => Aten.atan2.Call(this, other);

        /// <summary>beta·self + alpha·batch1·batch2.</summary>
        public Tensor baddbmm(Tensor batch1, Tensor batch2, float beta = 1, float alpha = 1) =>
            Aten.baddbmm.Call(this, batch1, batch2, (Scalar)beta, (Scalar)alpha);

        /// <summary>beta·self + alpha·mat1·mat2.</summary>
        public Tensor addmm(Tensor mat1, Tensor mat2, float beta = 1, float alpha = 1) =>
            Aten.addmm.Call(this, mat1, mat2, (Scalar)beta, (Scalar)alpha);

        /// <summary>self to a power, in place.</summary>
        public Tensor pow_(Scalar exponent) => Aten.pow_.CallInPlace(this, this, exponent);

        /// <summary>self to a power.</summary>
        public Tensor pow(Scalar exponent) => Aten.pow.Call(this, exponent);

        /// <summary>self to a power, element by element.</summary>
        public Tensor pow(Tensor exponent) => Aten.pow_tensor.Call(this, exponent);

        /// <summary>Limits every element to [min, max].</summary>
        public Tensor clamp(Scalar? min = null, Scalar? max = null) => Aten.clamp.Call(this, min, max);

        /// <summary>Limits every element to [min, max], in place.</summary>
        public Tensor clamp_(Scalar? min = null, Scalar? max = null) => Aten.clamp_.CallInPlace(this, this, min, max);

        /// <summary>Limits every element from below.</summary>
        public Tensor clamp_min(Scalar min) => clamp(min);

        /// <summary>Limits every element from above.</summary>
        public Tensor clamp_max(Scalar max) => clamp(null, max);

        /// <summary>Limits every element from below, in place.</summary>
        public Tensor clamp_min_(Scalar min) => clamp_(min);

        /// <summary>Limits every element from above, in place.</summary>
        public Tensor clamp_max_(Scalar max) => clamp_(null, max);

        /// <summary>self + value·tensor1/tensor2.</summary>
        public Tensor addcdiv(Tensor tensor1, Tensor tensor2, Scalar value) =>
            Aten.addcdiv.Call(this, tensor1, tensor2, value);

        /// <summary>self + value·tensor1·tensor2.</summary>
        public Tensor addcmul(Tensor tensor1, Tensor tensor2, Scalar value) =>
            Aten.addcmul.Call(this, tensor1, tensor2, value);

        /// <summary>self += value·tensor1·tensor2.</summary>
        public Tensor addcmul_(Tensor tensor1, Tensor tensor2, Scalar value) =>
            Aten.addcmul_.CallInPlace(this, this, tensor1, tensor2, value);

        /// <summary>self += value·tensor1/tensor2.</summary>
        public Tensor addcdiv_(Tensor tensor1, Tensor tensor2, Scalar value) =>
            Aten.addcdiv_.CallInPlace(this, this, tensor1, tensor2, value);

        /// <summary>self + weight·(end − self).</summary>
        public Tensor lerp(Tensor end, Scalar weight) => Aten.lerp.Call(this, end, weight);

        /// <summary>self + weight·(end − self), broadcast.</summary>
        public Tensor lerp(Tensor end, Tensor weight) => Aten.lerp_tensor.Call(this, end, weight);

        /// <summary>self += weight·(end − self), broadcast.</summary>
        public Tensor lerp_(Tensor end, Tensor weight) => Aten.lerp_tensor_.CallInPlace(this, this, end, weight);

        /// <summary>self += weight·(end − self).</summary>
        public Tensor lerp_(Tensor end, Scalar weight) => Aten.lerp_.CallInPlace(this, this, end, weight);

        /// <summary>Element by element, broadcast.</summary>
        public static Tensor operator +(Tensor left, Tensor right) => left.add(right);

        /// <summary>Element by element.</summary>
        public static Tensor operator +(Tensor left, Scalar right) => left.add(right);

        /// <summary>Element by element, broadcast.</summary>
        public static Tensor operator -(Tensor left, Tensor right) => left.sub(right);

        /// <summary>Element by element.</summary>
        public static Tensor operator -(Tensor left, Scalar right) => left.sub(right);

        /// <summary>Element by element, broadcast.</summary>
        public static Tensor operator *(Tensor left, Tensor right) => left.mul(right);

        /// <summary>Element by element.</summary>
        public static Tensor operator *(Tensor left, Scalar right) => left.mul(right);

        /// <summary>Element by element, broadcast.</summary>
        public static Tensor operator /(Tensor left, Tensor right) => left.div(right);

        /// <summary>Element by element.</summary>
        public static Tensor operator /(Tensor left, Scalar right) => left.div(right);

        /// <summary>Element by element.</summary>
        public static Tensor operator +(Scalar left, Tensor right) => right.add(left);

        /// <summary>Element by element.</summary>
        public static Tensor operator -(Scalar left, Tensor right) => Aten.rsub.Call(right, left);

        /// <summary>Element by element.</summary>
        public static Tensor operator *(Scalar left, Tensor right) => right.mul(left);

        /// <summary>Element by element.</summary>
        public static Tensor operator /(Scalar left, Tensor right)
        {
            using Tensor reciprocal = right.reciprocal();
            return reciprocal.mul(left);
        }

        /// <summary>Element by element.</summary>
        public static Tensor operator -(Tensor tensor) => tensor.neg();

        /// <summary>Element by element, as truth values.</summary>
        public static Tensor operator <(Tensor left, Tensor right) => left.lt(right);

        /// <summary>Element by element, as truth values.</summary>
        public static Tensor operator <(Tensor left, Scalar right) => left.lt(right);

        /// <summary>Element by element, as truth values.</summary>
        public static Tensor operator <=(Tensor left, Tensor right) => left.le(right);

        /// <summary>Element by element, as truth values.</summary>
        public static Tensor operator <=(Tensor left, Scalar right) => left.le(right);

        /// <summary>Element by element, as truth values.</summary>
        public static Tensor operator >(Tensor left, Tensor right) => left.gt(right);

        /// <summary>Element by element, as truth values.</summary>
        public static Tensor operator >(Tensor left, Scalar right) => left.gt(right);

        /// <summary>Element by element, as truth values.</summary>
        public static Tensor operator >=(Tensor left, Tensor right) => left.ge(right);

        /// <summary>Element by element, as truth values.</summary>
        public static Tensor operator >=(Tensor left, Scalar right) => left.ge(right);
    }
}
