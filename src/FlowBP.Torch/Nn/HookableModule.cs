// Hooks are how one changes what a layer computes without replacing the layer: its owner holds it in a field of its own type.

namespace FlowBP.Torch;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>
        /// A module whose calls others can watch and change: each hook runs before or after the module's function, in the
        /// order of registration. Register and remove hooks while nobody calls the module; calls from several threads at
        /// once may share them.
        /// </summary>
        /// <typeparam name="TPreHook">What runs before: it may return other inputs.</typeparam>
        /// <typeparam name="TPostHook">What runs after: it may return another result.</typeparam>
        public abstract class HookableModule<TPreHook, TPostHook>(string name) : Module(name)
            where TPreHook : Delegate
            where TPostHook : Delegate
        {
            // Replaced as a whole, never changed: a call that is under way keeps the hooks that it began with.
            private protected TPreHook[] PreHooks { get; private set; } = [];

            private protected TPostHook[] PostHooks { get; private set; } = [];

            /// <summary>Adds a hook that sees inputs and result of every call, and may replace the result.</summary>
            /// <returns>What takes it away again.</returns>
            public HookRemover register_forward_hook(TPostHook hook)
            {
                PostHooks = [.. PostHooks, hook];
                return new HookRemover(() => PostHooks = Without(PostHooks, hook));
            }

            private static T[] Without<T>(T[] hooks, T hook)
                where T : Delegate
            {
                var index = Array.FindIndex(hooks, other => ReferenceEquals(other, hook));
                return index < 0 ? hooks : [.. hooks[..index], .. hooks[(index + 1)..]];
            }

            /// <summary>Takes a hook away.</summary>
            public sealed class HookRemover
            {
                private readonly Action action;

                internal HookRemover(Action action) => this.action = action;

                /// <summary>Takes the hook away; a second time does nothing.</summary>
                public void remove() => action();
            }
        }
    }
}
