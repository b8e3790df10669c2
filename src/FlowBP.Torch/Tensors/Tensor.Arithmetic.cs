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

        /// <summary>Where self = right.</summary>
        public Tensor eq(Tensor right) => Aten.eq.Call(this, right);

        /// <summary>Where self = right.</summary>
        public Tensor eq(Scalar right) => Aten.eq_scalar.Call(this, right);

        /// <summary>Where self ≠ right.</summary>
        public Tensor ne(Tensor right) => Aten.ne.Call(this, right);

        /// <summary>Where self ≠ right.</summary>
        public Tensor ne(Scalar right) => Aten.ne_scalar.Call(this, right);

        /// <summary>Where self &lt; right.</summary>
        public Tensor lt(Tensor right) => Aten.lt.Call(this, right);

        /// <summary>Where self &lt; right.</summary>
        public Tensor lt(Scalar right) => Aten.lt_scalar.Call(this, right);

        /// <summary>Where self ≤ right.</summary>
        public Tensor le(Tensor right) => Aten.le.Call(this, right);

        /// <summary>Where self ≤ right.</summary>
        public Tensor le(Scalar right) => Aten.le_scalar.Call(this, right);

        /// <summary>Where self &gt; right.</summary>
        public Tensor gt(Tensor right) => Aten.gt.Call(this, right);

        /// <summary>Where self &gt; right.</summary>
        public Tensor gt(Scalar right) => Aten.gt_scalar.Call(this, right);

        /// <summary>Where self ≥ right.</summary>
        public Tensor ge(Tensor right) => Aten.ge.Call(this, right);

        /// <summary>Where self ≥ right.</summary>
        public Tensor ge(Scalar right) => Aten.ge_scalar.Call(this, right);

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
        public Tensor matmul(Tensor other) => Aten.matmul.Call(this, other);

        /// <summary>The product of two matrices.</summary>
        public Tensor mm(Tensor other) => Aten.mm.Call(this, other);

        /// <summary>The products of two batches of matrices.</summary>
        public Tensor bmm(Tensor other) => Aten.bmm.Call(this, other);

        /// <summary>The outer product of two vectors.</summary>
        public Tensor outer(Tensor other) => Aten.outer.Call(this, other);

        /// <summary>The inner product of two vectors.</summary>
        public Tensor dot(Tensor other) => Aten.dot.Call(this, other);

        /// <summary>The remainder with the divisor's sign.</summary>
        public Tensor remainder(Scalar other) => Aten.remainder_scalar.Call(this, other);

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
