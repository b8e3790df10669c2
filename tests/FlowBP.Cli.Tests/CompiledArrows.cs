// Which type uses which, as the compiled libraries have it: bases, interfaces, fields, signatures and bodies.

using Mono.Cecil;
using Mono.Cecil.Cil;

namespace FlowBP.Cli.Tests;

/// <summary>Reads arrows between the project's types from its libraries.</summary>
internal static class CompiledArrows
{
    /// <summary>The project's libraries beside the tests.</summary>
    public static IEnumerable<ModuleDefinition> Libraries() =>
        Directory
            .EnumerateFiles(TestContext.CurrentContext.TestDirectory, "FlowBP.*.dll")
            .Append(typeof(Cli).Assembly.Location)
            .Where(file => !file.EndsWith(".Tests.dll", StringComparison.Ordinal))
            .Distinct()
            .Select(file => ModuleDefinition.ReadModule(file));

    /// <summary>The arrows from the rooms of a library's types to those of the types that they use.</summary>
    /// <param name="module">The library.</param>
    /// <param name="rooms">The names of the rooms.</param>
    public static IEnumerable<(string From, string To, string Type)> Of(
        ModuleDefinition module,
        IReadOnlyCollection<string> rooms
    ) =>
        from type in module.GetTypes()
        let room = RoomOf(type, rooms)
        where room is not null
        from used in UsedBy(type).SelectMany(Parts)
        let other = RoomOf(used, rooms)
        where other is not null
        select (room, other, $"{type.Name} uses {used.Name}");

    /// <summary>The longest name of a room that a type's namespace begins with; the namespace itself where no room has it.</summary>
    /// <param name="type">The type.</param>
    /// <param name="rooms">The names of the rooms.</param>
    /// <returns>Null: it is not the project's.</returns>
    public static string? RoomOf(TypeReference type, IReadOnlyCollection<string> rooms)
    {
        while (type.DeclaringType is { } outer)
        {
            type = outer;
        }
        if (!type.Namespace.StartsWith("FlowBP.", StringComparison.Ordinal))
        {
            return null;
        }
        var name = type.Namespace["FlowBP.".Length..];
        return rooms
                .Where(room => name == room || name.StartsWith(room + ".", StringComparison.Ordinal))
                .MaxBy(room => room.Length)
            ?? name;
    }

    private static IEnumerable<TypeReference?> UsedBy(TypeDefinition type) =>
        [
            type.BaseType,
            .. type.Interfaces.Select(item => item.InterfaceType),
            .. type.Fields.Select(field => field.FieldType),
            .. type.Methods.SelectMany(method =>
                method
                    .Parameters.Select(parameter => parameter.ParameterType)
                    .Append(method.ReturnType)
                    .Concat(InBody(method))
            ),
        ];

    private static IEnumerable<TypeReference?> InBody(MethodDefinition method) =>
        !method.HasBody
            ? []
            : method
                .Body.Instructions.SelectMany<Instruction, TypeReference?>(instruction =>
                    instruction.Operand switch
                    {
                        TypeReference type => [type],
                        GenericInstanceMethod call => [call.DeclaringType, .. call.GenericArguments],
                        MemberReference member => [member.DeclaringType],
                        _ => [],
                    }
                )
                .Concat(method.Body.Variables.Select(variable => variable.VariableType));

    // A constructed type and what it is constructed of.
    private static IEnumerable<TypeReference> Parts(TypeReference? type) =>
        type switch
        {
            null => [],
            GenericInstanceType generic => generic.GenericArguments.SelectMany(Parts).Append(generic.ElementType),
            TypeSpecification wrapped => Parts(wrapped.ElementType),
            _ => [type],
        };
}
