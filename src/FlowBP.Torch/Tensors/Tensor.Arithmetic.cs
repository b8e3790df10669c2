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

        /// <summary>x², element by element.</summary>
        public Tensor square() => Aten.square.Call(this);

        /// <summary>Where the element is finite, element by element.</summary>
        public Tensor isfinite() => Aten.isfinite.Call(this);

        /// <summary>Where the element is zero, element by element.</summary>
        public Tensor logical_not() => Aten.logical_not.Call(this);

        /// <summary><see cref="abs"/> in place.</summary>
        public Tensor abs_() => Aten.abs_.CallInPlace(this, this);

        /// <summary><see cref="rsqrt"/> in place.</summary>
        public Tensor rsqrt_() => Aten.rsqrt_.CallInPlace(this, this);

        /// <summary><see cref="sigmoid"/> in place.</summary>
        public Tensor sigmoid_() => Aten.sigmoid_.CallInPlace(this, this);

        /// <summary><see cref="relu"/> in place.</summary>
        public Tensor relu_() => Aten.relu_.CallInPlace(this, this);

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

        /// <summary>self − target, broadcast.</summary>
        public Tensor sub(Tensor target) => Aten.sub.Call(this, target);

        /// <summary>self − scalar.</summary>
        public Tensor sub(Scalar scalar) => Aten.sub_scalar.Call(this, scalar);

        /// <summary>self −= target.</summary>
        public Tensor sub_(Tensor target) => Aten.sub_.CallInPlace(this, this, target);

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

        /// <summary>self /= scalar.</summary>
        public Tensor div_(Scalar target) => Aten.div_scalar_.CallInPlace(this, this, target);

        /// <summary>Where self = target.</summary>
        public Tensor eq(Tensor target) => Aten.eq.Call(this, target);

        /// <summary>Where self = target.</summary>
        public Tensor eq(Scalar target) => Aten.eq_scalar.Call(this, target);

        /// <summary>Where self ≠ target.</summary>
        public Tensor ne(Scalar target) => Aten.ne_scalar.Call(this, target);

        /// <summary>Where both are nonzero.</summary>
        public Tensor logical_and(Tensor other) => Aten.logical_and.Call(this, other);

        /// <summary>The larger of two elements.</summary>
        public Tensor maximum(Tensor other) => Aten.maximum.Call(this, other);

        /// <summary>The matrix product, batched and broadcast.</summary>
        public Tensor matmul(Tensor target) => Aten.matmul.Call(this, target);

        /// <summary>The product of two matrices.</summary>
        public Tensor mm(Tensor target) => Aten.mm.Call(this, target);

        /// <summary>Limits every element to [min, max].</summary>
        public Tensor clamp(Scalar? min = null, Scalar? max = null) => Aten.clamp.Call(this, min, max);

        /// <summary>Limits every element from above.</summary>
        public Tensor clamp_max(Scalar max) => clamp(null, max);

        /// <summary>self += value·tensor1·tensor2.</summary>
        public Tensor addcmul_(Tensor tensor1, Tensor tensor2, Scalar value) =>
            Aten.addcmul_.CallInPlace(this, this, tensor1, tensor2, value);

        /// <summary>self += value·tensor1/tensor2.</summary>
        public Tensor addcdiv_(Tensor tensor1, Tensor tensor2, Scalar value) =>
            Aten.addcdiv_.CallInPlace(this, this, tensor1, tensor2, value);

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
        public static Tensor operator -(Tensor tensor) => tensor.neg();
    }
}
